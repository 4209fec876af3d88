// The grudge graph: people on a circle, and an arrow per grudge, the thicker the stronger.

function drawArc(pen, from, to, strength, color, alpha = 1, radius = 12) {
  const dx = to.x - from.x, dy = to.y - from.y, length = Math.hypot(dx, dy);
  if (length < 1) return;
  const bend = Math.min(0.1 * length + 0.7 * radius, 60), width = 1 + 7 * strength;
  const control = { x: (from.x + to.x) / 2 - (dy / length) * bend, y: (from.y + to.y) / 2 + (dx / length) * bend };
  const angle = Math.atan2(to.y - control.y, to.x - control.x), head = 5 + width * 1.1, gap = Math.min(radius * 1.1, length / 3);
  const tip = { x: to.x - Math.cos(angle) * gap, y: to.y - Math.sin(angle) * gap };
  const neck = { x: tip.x - Math.cos(angle) * head, y: tip.y - Math.sin(angle) * head };
  pen.globalAlpha = (0.3 + 0.6 * strength) * alpha;
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = width;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.quadraticCurveTo(control.x, control.y, neck.x, neck.y);
  pen.stroke();
  pen.beginPath();
  pen.moveTo(tip.x, tip.y);
  for (const turn of [2.6, -2.6]) pen.lineTo(tip.x + Math.cos(angle + turn) * head * 1.25, tip.y + Math.sin(angle + turn) * head * 1.25);
  pen.fill();
  pen.globalAlpha = 1;
}

// People on the circle: everybody in a small town; in a large one, those with the strongest grudges.
const GRAPH_PLACES = 16;

function graphMembers(recording, scene) {
  if (recording.people.length <= GRAPH_PLACES) return recording.people.map((_, a) => a);
  const strongest = new Map();
  for (const { from, to, strength } of scene.grudges) {
    for (const a of [from, to]) strongest.set(a, Math.max(strongest.get(a) ?? 0, strength));
  }
  return [...strongest].sort((one, two) => two[1] - one[1]).slice(0, GRAPH_PLACES).map(([a]) => a).sort((a, b) => a - b);
}

function drawGrudgeGraph(canvas, recording, t, theme, selected) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d"), scene = recording.scene(t), members = graphMembers(recording, scene);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  const longest = Math.max(0, ...members.map((a) => pen.measureText(displayName(recording.people[a])).width));
  const rx = Math.max(width / 2 - longest - 30, 40), ry = height / 2 - 24, disc = 11;
  const places = new Map(members.map((a, i) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / members.length;
    return [a, { x: width / 2 + rx * Math.cos(angle), y: height / 2 + ry * Math.sin(angle), angle }];
  }));
  for (const { from, to, strength } of scene.grudges) {
    if (!places.has(from) || !places.has(to)) continue;
    const chosen = selected < 0 || selected === from || selected === to;
    drawArc(pen, places.get(from), places.get(to), strength, theme.grudge, chosen ? 1 : 0.25);
  }
  pen.textBaseline = "middle";
  for (const [a, { x, y, angle }] of places) {
    pen.globalAlpha = recording.alive(a, t) ? 1 : 0.3;
    pen.fillStyle = selected === a ? theme.accent : theme.card;
    pen.beginPath(); pen.arc(x, y, disc + 2.5, 0, 2 * Math.PI); pen.fill();
    pen.fillStyle = recording.colors[a];
    pen.beginPath(); pen.arc(x, y, disc, 0, 2 * Math.PI); pen.fill();
    pen.fillStyle = "#fff";
    pen.textAlign = "center";
    pen.font = "700 11px system-ui, sans-serif";
    pen.fillText(recording.initials[a], x, y + 0.5);
    const side = Math.abs(Math.cos(angle)) < 0.2 ? 1 : Math.sign(Math.cos(angle));
    pen.fillStyle = theme.ink;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = side > 0 ? "left" : "right";
    pen.fillText(displayName(recording.people[a]), x + side * (disc + 5), y + 0.5);
    pen.globalAlpha = 1;
  }
  const [first] = [...scene.grudges].sort((one, two) => two.strength - one.strength);
  const description = first
    ? `${plural(scene.grudges.length, "grudge")}; the strongest is ${displayName(recording.people[first.from])}'s against ${displayName(recording.people[first.to])}, ${first.strength.toFixed(2)}`
    : "Nobody holds a grudge";
  if (canvas.getAttribute("aria-label") !== description) canvas.setAttribute("aria-label", description);
}
