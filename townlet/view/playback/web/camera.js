// The part of the town that a canvas shows; zoomed and moved by mouse, wheel and touch.

// Width of the buttons at the right, pixels.
const BUTTONS = 42;

class Camera {
  constructor(canvas, recording, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.box = usedArea(recording);
    this.fitted = true;
    this.pointers = new Map();
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) canvas.addEventListener(end, (event) => this.up(event));
  }

  // In CSS pixels. The upper left corner of tile (x, y) is at (left + x * tile, top + y * tile).
  resize(width, height) {
    this.width = width;
    this.height = height;
    if (this.fitted) this.fit();
  }

  fit() {
    const { x1, y1, x2, y2 } = this.box, width = this.width - BUTTONS;
    this.tile = Math.min(width / (x2 - x1), this.height / (y2 - y1), 110);
    this.left = (width - (x2 - x1) * this.tile) / 2 - x1 * this.tile;
    this.top = (this.height - (y2 - y1) * this.tile) / 2 - y1 * this.tile;
    this.fitted = true;
    this.changed();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const tile = Math.min(Math.max(this.tile * factor, 2), 140), ratio = tile / this.tile;
    this.left = x - (x - this.left) * ratio;
    this.top = y - (y - this.top) * ratio;
    this.tile = tile;
    this.fitted = false;
    this.changed();
  }

  // Zoom in on a tile unless people can be told apart already.
  zoomTo(x, y) {
    if (this.tile >= 14) return;
    this.tile = 24;
    this.fitted = false;
    this.center(x + 0.5, y + 0.5);
  }

  center(x, y) {
    this.left = this.width / 2 - x * this.tile;
    this.top = this.height / 2 - y * this.tile;
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
  }

  down(event) {
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.moved = 0;
    if (event.pointerType !== "touch" || this.pointers.size > 1) this.canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.offsetX, y: event.offsetY };
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const span = (one) => Math.hypot(one.x - other.x, one.y - other.y);
      this.zoom(span(now) / Math.max(span(last), 1), other.x, other.y);
    } else if (event.pointerType !== "touch" || !this.fitted) {
      this.left += now.x - last.x;
      this.top += now.y - last.y;
      this.fitted = this.fitted && Math.abs(now.x - last.x) + Math.abs(now.y - last.y) === 0;
      this.changed();
    }
    this.moved += Math.abs(now.x - last.x) + Math.abs(now.y - last.y);
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
  }
}

// The part of the map that is in use, with a margin.
function usedArea(recording) {
  if (!recording.rooms.length) return { x1: -0.4, y1: -0.4, x2: recording.width + 0.4, y2: recording.height + 0.4 };
  const box = { x1: recording.width, y1: recording.height, x2: 0, y2: 0 };
  const include = (x, y) => {
    box.x1 = Math.min(box.x1, x); box.y1 = Math.min(box.y1, y);
    box.x2 = Math.max(box.x2, x + 1); box.y2 = Math.max(box.y2, y + 1);
  };
  for (const [, , x, y] of recording.objects) include(x, y);
  for (let y = 0; y < recording.height; y++) for (let x = 0; x < recording.width; x++) if (recording.get("walls", x, y)) include(x, y);
  for (let a = 0; a < recording.people.length; a++) {
    for (let t = 0; t < recording.ticks; t++) if (recording.alive(a, t)) include(recording.x(a, t), recording.y(a, t));
  }
  return { x1: Math.max(box.x1 - 1, 0), y1: Math.max(box.y1 - 1.6, -0.6), x2: Math.min(box.x2 + 1, recording.width), y2: Math.min(box.y2 + 1, recording.height) };
}
