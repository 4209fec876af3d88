// The map of the town at one tick: objects, queues, people, grudges and the latest events.

const THEME = ["paper", "card", "line", "ink", "muted", "ground", "floor", "seam", "wall", "door", "queue", "conflict", "grudge", "courtesy", "accent"];

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(THEME.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

// Position of a person between two ticks. Newcomers appear at once instead of moving.
function positionOf(recording, a, time) {
  const t = Math.floor(time), share = time - t;
  const x = recording.x(a, t), y = recording.y(a, t);
  if (share === 0 || t + 1 >= recording.ticks || !recording.alive(a, t + 1)) return { x, y };
  const dx = recording.x(a, t + 1) - x, dy = recording.y(a, t + 1) - y;
  if (Math.abs(dx) + Math.abs(dy) > 2) return { x, y };
  return { x: x + dx * share, y: y + dy * share };
}

const overlap = (one, other) =>
  Math.abs(one.x - other.x) < one.half + other.half && Math.abs(one.y - other.y) < (one.height + other.height) / 2;

class TownMap {
  constructor(canvas, recording, camera) {
    Object.assign(this, { canvas, recording, camera, ground: document.createElement("canvas"), groundKey: "" });
  }

  setRecording(recording) {
    this.recording = recording;
    this.groundKey = "";
  }

  // `view`: theme, whether to show grudges and names, the selected person, and for how many ticks events stay visible.
  draw(time, view) {
    const { canvas, camera, recording } = this, ratio = window.devicePixelRatio || 1;
    const pen = canvas.getContext("2d"), t = Math.floor(time), scene = recording.scene(t);
    this.view = view;
    this.theme = view.theme;
    this.at = new Map(scene.here.map((a) => [a, this.point(positionOf(recording, a, time))]));
    this.drawGround(ratio);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(this.ground, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawObjects(pen, t);
    if (view.grudges) this.drawGrudges(pen, scene);
    for (const [o, queue] of scene.queues.entries()) this.drawQueue(pen, o, queue);
    const events = recording.between(t - view.eventTicks, t);
    for (const event of events) if (event.conflict || event.courtesy) this.drawEvent(pen, event, time);
    for (const a of scene.here) this.drawPerson(pen, a, t);
    this.drawLabels(pen, events, t);
  }

  point({ x, y }) {
    const { tile, left, top } = this.camera;
    return { x: left + (x + 0.5) * tile, y: top + (y + 0.5) * tile };
  }

  objectPoint(o) {
    return this.point({ x: this.recording.objects[o][2], y: this.recording.objects[o][3] });
  }

  // Floor, walls, doors and room names; drawn again only if the camera or the theme changes.
  drawGround(ratio) {
    const { camera, recording, ground, canvas, theme } = this, { tile, left, top } = camera;
    const key = [canvas.width, canvas.height, tile, left, top, theme.floor].join();
    if (key === this.groundKey) return;
    this.groundKey = key;
    ground.width = canvas.width;
    ground.height = canvas.height;
    const pen = ground.getContext("2d"), enclosed = recording.rooms.length > 0;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = theme.ground;
    pen.fillRect(0, 0, camera.width, camera.height);
    const edge = (value, origin) => Math.round((origin + value * tile) * ratio) / ratio;
    const block = (x, y, w, h) => pen.fillRect(edge(x, left), edge(y, top), edge(x + w, left) - edge(x, left), edge(y + h, top) - edge(y, top));
    if (!enclosed) {
      pen.fillStyle = theme.floor;
      block(0, 0, recording.width, recording.height);
    }
    for (let y = 0; y < recording.height; y++) {
      for (let x = 0; x < recording.width; x++) {
        const wall = recording.get("walls", x, y), door = recording.get("doors", x, y), room = recording.get("rooms", x, y) >= 0;
        if (!wall && !door && !room) continue;
        pen.fillStyle = wall ? theme.wall : theme.floor;
        block(x, y, 1, 1);
        if (door) {
          pen.globalAlpha = 0.45;
          pen.fillStyle = theme.door;
          block(x, y, 1, 1);
          pen.globalAlpha = 1;
        }
      }
    }
    this.drawSeams(pen, enclosed);
    this.drawRoomNames(pen);
  }

  drawSeams(pen, enclosed) {
    const { camera: { tile, left, top }, recording, theme } = this;
    if (tile < 14) return;
    pen.strokeStyle = theme.seam;
    pen.lineWidth = 1;
    for (let y = 0; y < recording.height; y++) {
      for (let x = 0; x < recording.width; x++) {
        if (recording.get("walls", x, y) || (enclosed && recording.get("rooms", x, y) < 0)) continue;
        pen.strokeRect(left + x * tile, top + y * tile, tile, tile);
      }
    }
    if (enclosed) return;
    pen.strokeStyle = theme.wall;
    pen.lineWidth = 2;
    pen.strokeRect(left, top, recording.width * tile, recording.height * tile);
  }

  drawRoomNames(pen) {
    const { camera: { tile, left, top }, recording, theme } = this;
    if (tile < 7) return;
    pen.fillStyle = theme.muted;
    pen.font = `600 ${Math.min(Math.max(tile * 0.62, 9), 15)}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    for (const [room, name] of recording.rooms.entries()) {
      let x1 = Infinity, x2 = 0, y1 = Infinity;
      for (let y = 0; y < recording.height; y++) {
        for (let x = 0; x < recording.width; x++) {
          if (recording.get("rooms", x, y) !== room) continue;
          x1 = Math.min(x1, x); x2 = Math.max(x2, x + 1); y1 = Math.min(y1, y);
        }
      }
      pen.fillText(displayName(name), left + ((x1 + x2) / 2) * tile, top + (y1 - 1) * tile - 2);
    }
  }

  drawObjects(pen, t) {
    const { recording, camera: { tile, left, top }, theme } = this, palette = recording.general.colors.objects;
    for (const [o, [name, type, x, y]] of recording.objects.entries()) {
      const fill = palette[Math.max(recording.types.indexOf(type), 0) % palette.length];
      const closed = recording.get("closed", o, t) > 0;
      pen.globalAlpha = closed ? 0.45 : 1;
      drawObject(pen, type, name, left + x * tile, top + y * tile, tile, { fill, edge: "#00000055", ink: "#2b3440" });
      pen.globalAlpha = 1;
      if (closed) this.stroke(pen, [[left + x * tile, top + y * tile], [left + (x + 1) * tile, top + (y + 1) * tile]], theme.conflict, 2);
      if (tile >= 44) this.label(pen, recording.labels[o], left + (x + 0.5) * tile, top + (y + 1) * tile + 9, { size: 12, color: theme.muted });
    }
  }

  stroke(pen, points, color, width, alpha = 1) {
    pen.globalAlpha = alpha;
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
    pen.globalAlpha = 1;
  }

  // A line from the object to its holder and on through the queue in order.
  drawQueue(pen, o, { holder, waiting }) {
    const line = [holder, ...waiting].filter((a) => a >= 0 && this.at.has(a));
    if (!line.length) return;
    const points = [this.objectPoint(o), ...line.map((a) => this.at.get(a))].map(({ x, y }) => [x, y]);
    const width = Math.max(this.camera.tile * 0.13, 2);
    this.stroke(pen, points, this.theme.card, width + 3, 0.75);
    this.stroke(pen, points, this.theme.queue, width, waiting.length ? 1 : 0.6);
  }

  // Arrows from the holder of each grudge; they are bent, so that grudges in both directions lie side by side.
  drawGrudges(pen, { grudges }) {
    const { view, recording, theme } = this, many = recording.people.length > 24;
    for (const { from, to, strength } of grudges) {
      const chosen = view.selected === from || view.selected === to;
      if (many && !chosen && strength < recording.avoid) continue;
      drawArc(pen, this.at.get(from), this.at.get(to), strength, theme.grudge, view.selected >= 0 && !chosen ? 0.25 : 1, this.radius());
    }
  }

  radius() {
    return Math.max(this.camera.tile * 0.38, this.recording.people.length > 24 ? 4 : 5);
  }

  // A conflict: a bold line from cause to victim, with a spreading ring. A courtesy: a thin line.
  drawEvent(pen, event, time) {
    const { theme, view } = this, from = this.at.get(event.actor), to = this.at.get(event.rival);
    if (!from) return;
    const age = Math.min((time - event.tick) / view.eventTicks, 1), color = event.conflict ? theme.conflict : theme.courtesy;
    const radius = this.radius() * (1.35 + (view.motion ? 0.9 * age : 0.35));
    pen.globalAlpha = 1 - 0.75 * age;
    pen.strokeStyle = color;
    pen.lineWidth = event.conflict ? Math.max(this.radius() * 0.28, 2.5) : 2;
    pen.beginPath();
    pen.arc(from.x, from.y, radius, 0, 2 * Math.PI);
    pen.stroke();
    if (to) this.stroke(pen, [[from.x, from.y], [to.x, to.y]], color, pen.lineWidth, 1 - 0.6 * age);
    pen.globalAlpha = 1;
  }

  drawPerson(pen, a, t) {
    const { recording, theme, view } = this, { x, y } = this.at.get(a), radius = this.radius(), role = recording.role(a, t);
    const disc = (r, color) => { pen.fillStyle = color; pen.beginPath(); pen.arc(x, y, r, 0, 2 * Math.PI); pen.fill(); };
    if (view.selected === a) disc(radius + 5, theme.accent);
    disc(radius + Math.max(radius * 0.12, 1.2), role === ROLE.using || role === ROLE.finished ? theme.ink : theme.card);
    disc(radius, recording.colors[a]);
    if (role === ROLE.using) {
      const ticks = recording.uses[recording.get("use", a, t)]?.[1] ?? 1, done = 1 - recording.get("left", a, t) / ticks;
      pen.strokeStyle = "#fff";
      pen.lineWidth = Math.max(radius * 0.18, 1.5);
      pen.beginPath();
      pen.arc(x, y, radius * 0.86, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * done);
      pen.stroke();
    } else if (role === ROLE.holding) {
      pen.setLineDash([radius * 0.35, radius * 0.3]);
      pen.strokeStyle = theme.ink;
      pen.lineWidth = Math.max(radius * 0.16, 1.5);
      pen.beginPath();
      pen.arc(x, y, radius * 1.2, 0, 2 * Math.PI);
      pen.stroke();
      pen.setLineDash([]);
    }
    if (radius >= 5.5) {
      pen.fillStyle = "#fff";
      pen.font = `700 ${radius * (recording.initials[a].length > 1 ? 0.8 : 1.05)}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.shadowColor = "rgb(0 0 0 / .6)";
      pen.shadowBlur = 2;
      pen.fillText(recording.initials[a], x, y + radius * 0.05);
      pen.shadowBlur = 0;
    }
    if (role === ROLE.waiting && radius >= 5) this.drawPlace(pen, recording.get("place", a, t) + 1, x + radius * 0.8, y - radius * 0.8, radius);
  }

  drawPlace(pen, place, x, y, radius) {
    const size = Math.max(radius * 0.5, 6);
    pen.fillStyle = this.theme.queue;
    pen.beginPath();
    pen.arc(x, y, size, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = this.theme.card;
    pen.font = `700 ${size * 1.45}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(place, x, y + size * 0.08);
  }

  // The latest events in bubbles, then names where there is room, first those of people in a bubble.
  drawLabels(pen, events, t) {
    const { recording, theme, view } = this, radius = this.radius(), bubbles = new Map(), taken = [];
    for (const event of events) {
      const point = this.at.get(event.actor), key = `${event.actor} ${event.kind}`;
      if (!BUBBLE_TEXTS[event.kind] || !point) continue;
      const bubble = bubbles.get(key);
      if (bubble) bubble.count += 1;
      else bubbles.set(key, { event, point, count: 1 });
    }
    for (const { event, point, count } of bubbles.values()) {
      const text = `${displayName(recording.people[event.actor])} ${BUBBLE_TEXTS[event.kind]}${count > 1 ? ` × ${count}` : ""}`;
      taken.push(this.bubble(pen, text, point, event.conflict ? theme.conflict : theme.courtesy, taken));
    }
    if (!view.names || (recording.people.length <= 24 ? this.camera.tile < 11 : this.camera.tile < 30)) return;
    const first = new Set([view.selected, ...[...bubbles.values()].map(({ event }) => event.actor)]);
    const size = Math.min(Math.max(radius * 0.8, 10.5), 14);
    for (const [a, { x, y }] of [...this.at].sort(([one], [two]) => first.has(two) - first.has(one) || one - two)) {
      const box = { x, y: y + radius + 9, half: (displayName(recording.people[a]).length * size) / 3.4, height: size };
      const hides = first.has(a) ? [] : [...this.at].filter(([b]) => b !== a).map(([, other]) => ({ ...other, half: radius, height: 2 * radius }));
      if ([...taken, ...hides].some((other) => overlap(box, other))) continue;
      taken.push(box);
      this.label(pen, displayName(recording.people[a]), box.x, box.y, { size, color: theme.ink });
    }
  }

  label(pen, text, x, y, { size, color }) {
    pen.font = `600 ${size}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.strokeStyle = this.theme.floor;
    pen.lineWidth = 3.5;
    pen.strokeText(text, x, y);
    pen.fillStyle = color;
    pen.fillText(text, x, y);
  }

  // Draw a bubble near a person where it covers the least; returns its box.
  bubble(pen, text, { x, y }, color, taken) {
    pen.font = `600 ${this.camera.width < 500 ? 11 : 12.5}px system-ui, sans-serif`;
    const half = pen.measureText(text).width / 2 + 8, radius = this.radius(), away = 1.5 * radius + 14;
    const middle = Math.min(Math.max(x, half + 4), Math.max(this.camera.width - half - 4, half + 4));
    const places = [-away, away, -away - 24, away + 24].map((by) => ({ x: middle, y: y + by, half, height: 20 }));
    const hidden = (box) => (box.y < 12 || box.y > this.camera.height - 12 ? 50 : 0) + 10 * taken.filter((other) => overlap(box, other)).length +
      [...this.at.values()].filter((other) => overlap(box, { ...other, half: radius, height: 2 * radius })).length;
    const box = places.reduce((best, place) => (hidden(place) < hidden(best) ? place : best));
    pen.fillStyle = color;
    pen.beginPath();
    pen.roundRect(box.x - half, box.y - 10, 2 * half, 20, 10);
    pen.fill();
    pen.fillStyle = this.theme.card;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(text, box.x, box.y + 0.5);
    return box;
  }

  // The person, or else the object, at a point of the canvas.
  find(x, y) {
    const { camera: { tile, left, top }, recording } = this, reach = Math.max(this.radius() * 1.4, 12);
    let best = null, nearest = reach;
    for (const [a, point] of this.at ?? []) {
      const distance = Math.hypot(point.x - x, point.y - y);
      if (distance < nearest) { nearest = distance; best = { person: a }; }
    }
    if (best) return best;
    const o = recording.objects.findIndex(([, , ox, oy]) => ox === Math.floor((x - left) / tile) && oy === Math.floor((y - top) / tile));
    return o < 0 ? null : { object: o };
  }
}
