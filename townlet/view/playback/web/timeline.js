// The timeline, one strip per side: people waiting, sum of grudges, and a stem to click on for every conflict.

const LANE = 54, LABEL = 15;

class Timeline {
  constructor(canvas, seek) {
    this.canvas = canvas;
    this.seek = seek;
    this.recordings = [];
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.dragging = true;
      this.go(event, true);
    });
    canvas.addEventListener("pointermove", (event) => (this.dragging ? this.go(event, false) : this.hover(event)));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.dragging = false));
  }

  setRecordings(recordings) {
    this.recordings = recordings;
    this.ticks = Math.max(...recordings.map((recording) => recording.ticks));
    this.canvas.parentElement.style.setProperty("--lanes", `${recordings.length * LANE}px`);
    this.stripKey = "";
  }

  x(tick) { return ((tick + 0.5) / this.ticks) * this.width; }
  tickAt(x) { return Math.min(Math.max(Math.floor((x / this.width) * this.ticks), 0), this.ticks - 1); }

  // The conflict with the nearest stem, within `reach` pixels.
  conflictAt(event, reach) {
    const recording = this.recordings[Math.min(Math.max(Math.floor(event.offsetY / LANE), 0), this.recordings.length - 1)];
    let best = null, nearest = reach;
    for (const conflict of recording.conflicts) {
      const distance = Math.abs(this.x(conflict.tick) - event.offsetX);
      if (distance < nearest || (distance === nearest && best && conflict.intensity > best.intensity)) {
        nearest = distance;
        best = conflict;
      }
    }
    return best && { recording, conflict: best };
  }

  go(event, first) {
    const found = first && this.conflictAt(event, event.pointerType === "touch" ? 12 : 6);
    this.seek(found ? found.conflict.tick : this.tickAt(event.offsetX), found);
  }

  hover(event) {
    const found = this.conflictAt(event, 6);
    this.canvas.title = found ? `tick ${found.conflict.tick}: ${sentence(found.recording, found.conflict)}` : `tick ${this.tickAt(event.offsetX)}`;
  }

  draw(time, theme) {
    const { canvas } = this, ratio = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    const height = canvas.clientHeight, key = [this.width, height, theme.card].join();
    if (key !== this.stripKey) this.drawStrips(ratio, height, theme);
    this.stripKey = key;
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(this.strips, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = this.x(time);
    pen.fillStyle = theme.accent;
    pen.fillRect(x - 1, 0, 2, height);
    pen.beginPath();
    pen.moveTo(x - 6, 0); pen.lineTo(x + 6, 0); pen.lineTo(x, 8);
    pen.fill();
  }

  drawStrips(ratio, height, theme) {
    const { canvas, width, recordings } = this;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    this.strips = document.createElement("canvas");
    this.strips.width = canvas.width;
    this.strips.height = canvas.height;
    const pen = this.strips.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const most = {
      waiting: Math.max(1, ...recordings.map((recording) => largest(recording.waiting))),
      rivalry: Math.max(1, ...recordings.map((recording) => largest(recording.rivalry))),
      intensity: Math.max(2, ...recordings.flatMap((recording) => recording.conflicts.map((event) => event.intensity))),
    };
    for (const [lane, recording] of recordings.entries()) this.drawLane(pen, recording, lane * LANE, theme, most, recordings.length > 1);
  }

  drawLane(pen, recording, top, theme, most, named) {
    const bottom = top + LANE - 5, reach = LANE - LABEL - 6, end = this.x(recording.ticks - 0.5);
    const curve = (values, limit) => {
      pen.beginPath();
      pen.moveTo(0, bottom);
      for (let x = 0; x <= end; x++) {
        const from = Math.floor((x / this.width) * this.ticks), to = Math.max(Math.floor(((x + 1) / this.width) * this.ticks), from + 1);
        pen.lineTo(x, bottom - (reach * largest(values.subarray(from, Math.min(to, recording.ticks)))) / limit);
      }
    };
    pen.fillStyle = theme.queue;
    pen.globalAlpha = 0.28;
    curve(recording.waiting, most.waiting);
    pen.lineTo(end, bottom);
    pen.fill();
    pen.globalAlpha = 0.85;
    pen.strokeStyle = theme.grudge;
    pen.lineWidth = 1.5;
    curve(recording.rivalry, most.rivalry);
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillStyle = theme.line;
    pen.fillRect(0, bottom, end, 1);
    pen.strokeStyle = pen.fillStyle = theme.conflict;
    for (const event of recording.conflicts) {
      const x = this.x(event.tick), y = bottom - reach * Math.min(0.35 + (0.65 * event.intensity) / most.intensity, 1);
      pen.fillRect(x - 0.75, y, 1.5, bottom - y);
      pen.beginPath();
      pen.arc(x, y, 3.2, 0, 2 * Math.PI);
      pen.fill();
    }
    this.drawKey(pen, recording, top, theme, named);
  }

  drawKey(pen, recording, top, theme, named) {
    const items = [["conflicts", theme.conflict], ["grudges", theme.grudge], ["people waiting", theme.queue]];
    let x = 0;
    pen.font = "11.5px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    if (named) {
      pen.font = "600 11.5px system-ui, sans-serif";
      pen.fillStyle = theme.ink;
      pen.fillText(behaviorName(recording), x, top + 8);
      x += pen.measureText(behaviorName(recording)).width + 16;
      pen.font = "11.5px system-ui, sans-serif";
    }
    for (const [text, color] of items) {
      pen.fillStyle = color;
      pen.fillRect(x, top + 5, 10, 5);
      pen.fillStyle = theme.muted;
      pen.fillText(text, x + 14, top + 8);
      x += pen.measureText(text).width + 30;
    }
  }
}

const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);
