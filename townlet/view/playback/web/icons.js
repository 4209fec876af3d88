// Icons of objects, as strokes on a grid of 24 × 24.

const ICONS = {
  bed: "M3 18V7M3 14h18v4M21 14v-2a3 3 0 0 0-3-3h-8v5M6.5 11.5h.01",
  fridge: "M7 3h10v18H7zM7 10h10M9.5 6v1.5M9.5 13v3",
  shower: "M6 21V6a3 3 0 0 1 6 0M8.5 9h7M10 12v2M13 12v2M10 17v2M13 17v2M16 12.5v2M16 17v2",
  stove: "M4 4h16v17H4zM4 10h16M8 7h.01M12 7h.01M16 7h.01M8 14h8v4H8z",
  counter: "M3 10h18v4H3zM5 14v6M19 14v6M9 10V7a3 3 0 0 1 6 0v3M12 4V3",
  desk: "M3 12h18M5 12v8M19 12v8M8 12V5h8v7M12 12v0",
  shelf: "M4 3v18M20 3v18M4 8h16M4 14h16M4 20h16M8 8V5M12 8V4M15 14v-3M9 14v-3",
};

const iconPaths = new Map();

function drawObject(pen, type, name, x, y, size, colors) {
  const inset = size * 0.06, side = size - 2 * inset;
  pen.fillStyle = colors.fill;
  pen.beginPath();
  pen.roundRect(x + inset, y + inset, side, side, side * 0.2);
  pen.fill();
  pen.strokeStyle = colors.edge;
  pen.lineWidth = Math.max(size * 0.035, 0.75);
  pen.stroke();
  if (size < 12) return;
  pen.save();
  if (ICONS[type]) {
    if (!iconPaths.has(type)) iconPaths.set(type, new Path2D(ICONS[type]));
    const scale = (side * 0.78) / 24;
    pen.translate(x + size / 2 - 12 * scale, y + size / 2 - 12 * scale);
    pen.scale(scale, scale);
    pen.strokeStyle = colors.ink;
    pen.lineWidth = Math.max(1.6, 1 / scale);
    pen.lineCap = pen.lineJoin = "round";
    pen.stroke(iconPaths.get(type));
  } else {
    pen.fillStyle = colors.ink;
    pen.font = `600 ${side * 0.55}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText((type || name)[0].toUpperCase(), x + size / 2, y + size / 2);
  }
  pen.restore();
}
