// The recording of one world: columns of whole numbers, unpacked, and what is derived from them.

async function unpack(text, coding) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (coding === "identity") return packed.buffer;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream(coding));
  return new Response(stream).arrayBuffer();
}

// Decode a column: each number is the sum of the differences up to its row. Values lie series after series.
function decodeColumn(buffer, [length, series, size, offset, scale]) {
  const view = new DataView(buffer, offset, length * series * size);
  const read = { 1: (i) => view.getInt8(i), 2: (i) => view.getInt16(2 * i, true), 4: (i) => view.getInt32(4 * i, true) }[size];
  const values = new Int32Array(length * series);
  for (let s = 0, i = 0; s < series; s++) {
    for (let row = 0, sum = 0; row < length; row++, i++) values[i] = sum += read(i);
  }
  return { values, length, series, scale };
}

const ROLE = { idle: 0, waiting: 1, holding: 2, using: 3, finished: 4 };

class Recording {
  constructor(meta, general, buffer, label) {
    Object.assign(this, meta);
    this.label = label;
    this.general = general;
    this.columns = Object.fromEntries(Object.entries(meta.columns).map(([name, place]) => [name, decodeColumn(buffer, place)]));
    this.colors = meta.people.map((_, a) => general.colors.people[a % general.colors.people.length]);
    this.initials = initialsOf(meta.people);
    this.labels = labelsOf(this);
    this.indexEvents();
    this.computeSeries();
    this.sceneAt = -1;
  }

  get(name, series, tick) {
    const column = this.columns[name];
    return column.values[series * column.length + tick] / column.scale;
  }

  sameMap(other) { return JSON.stringify([this.width, this.height, this.objects]) === JSON.stringify([other.width, other.height, other.objects]); }

  alive(a, t) { return this.get("alive", a, t) > 0; }
  x(a, t) { return this.get("tile", a, t) % this.width; }
  y(a, t) { return Math.floor(this.get("tile", a, t) / this.width); }
  role(a, t) { return this.get("role", a, t); }
  objectOf(a, t) { return this.get("at", a, t); }
  need(a, n, t) { return this.get("needs", 3 * a + n, t); }

  // The grudges that a person holds, the strongest first.
  grudges(a, t) {
    const entries = this.columns.rival.series / this.people.length, found = [];
    for (let k = a * entries; k < (a + 1) * entries; k++) {
      const other = this.get("rival", k, t);
      if (other >= 0) found.push({ from: a, to: other, strength: this.get("grudge", k, t) });
    }
    return found.sort((one, two) => two.strength - one.strength);
  }

  // People in town, queues and grudges at a tick; cached for the latest tick.
  scene(t) {
    if (this.sceneAt !== t) {
      const here = [], queues = this.objects.map(() => ({ holder: -1, waiting: [] })), grudges = [];
      for (let a = 0; a < this.people.length; a++) {
        if (!this.alive(a, t)) continue;
        here.push(a);
        const role = this.role(a, t), object = this.objectOf(a, t);
        if (role === ROLE.waiting) queues[object].waiting[this.get("place", a, t)] = a;
        else if (role !== ROLE.idle) queues[object].holder = a;
        for (const grudge of this.grudges(a, t)) if (this.alive(grudge.to, t)) grudges.push(grudge);
      }
      this.sceneAt = t;
      this.lastScene = { here, queues, grudges };
    }
    return this.lastScene;
  }

  indexEvents() {
    const { values: ticks, length } = this.columns.event_tick;
    this.events = Array.from({ length }, (_, e) => ({
      index: e, tick: ticks[e], kind: this.general.kinds[this.get("event_kind", 0, e)],
      object: this.get("event_object", 0, e), actor: this.get("event_actor", 0, e), rival: this.get("event_rival", 0, e),
      detail: this.get("event_detail", 0, e), intensity: this.get("event_intensity", 0, e),
    }));
    for (const event of this.events) {
      event.conflict = this.general.conflicts.includes(event.kind);
      event.courtesy = this.general.courtesies.includes(event.kind);
    }
    this.conflicts = this.events.filter((event) => event.conflict);
    this.upTo = new Int32Array(this.ticks);
    for (let t = 0, e = 0; t < this.ticks; t++) {
      while (e < length && ticks[e] <= t) e++;
      this.upTo[t] = e;
    }
  }

  // Events after tick `from`, up to and including tick `to`.
  between(from, to) {
    return this.events.slice(from < 0 ? 0 : this.upTo[from], this.upTo[to]);
  }

  // Series for the timeline and the key figures, by tick: people waiting, sum of grudges, conflicts so far.
  computeSeries() {
    const { ticks, people } = this;
    this.waiting = new Float64Array(ticks);
    this.rivalry = new Float64Array(ticks);
    this.conflictCount = new Int32Array(ticks);
    this.intensity = new Float64Array(ticks);
    const entries = this.columns.rival.series / people.length;
    for (let a = 0; a < people.length; a++) {
      for (let t = 0; t < ticks; t++) {
        if (!this.alive(a, t)) continue;
        if (this.role(a, t) === ROLE.waiting) this.waiting[t] += 1;
        for (let k = a * entries; k < (a + 1) * entries; k++) {
          if (this.get("rival", k, t) >= 0) this.rivalry[t] += this.get("grudge", k, t);
        }
      }
    }
    for (const event of this.conflicts) {
      this.conflictCount[event.tick] += 1;
      this.intensity[event.tick] += event.intensity;
    }
    for (let t = 1; t < ticks; t++) {
      this.conflictCount[t] += this.conflictCount[t - 1];
      this.intensity[t] += this.intensity[t - 1];
    }
  }
}

async function readSides(general) {
  return Promise.all(general.sides.map((recordings, side) => Promise.all(recordings.map(
    async (meta) => new Recording(meta, general, await unpack(meta.data, general.coding), general.labels[side])))));
}
