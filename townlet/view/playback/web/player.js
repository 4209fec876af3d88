// The player: playing, seeking, keys and links to a tick, for all sides at once.

const SPEEDS = [1, 2, 4, 8, 15, 30, 60, 120, 250];
const byId = (id) => document.getElementById(id);

class Player {
  constructor(sides, general) {
    this.general = general;
    this.sides = sides.length;
    this.time = 0;
    this.playing = false;
    this.shown = { grudges: true, names: true };
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.theme = readTheme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.theme = readTheme(); this.redraw(); });
    this.panes = sides.map((recordings) => new Pane(recordings, this));
    byId("panes").className = this.sides === 1 ? "one" : "two";
    byId("panes").append(...this.panes.map((pane) => pane.node));
    this.timeline = new Timeline(byId("timeline"), (tick, found) => (found ? this.jump(tick) : this.seek(tick)));
    new ResizeObserver(() => this.redraw()).observe(byId("timeline"));
    this.fillChoices();
    this.listen();
    this.showWorld(this.panes[0].recordings[0].world);
    this.followAddress();
  }

  get recordings() { return this.panes.map((pane) => pane.recording); }
  get ticks() { return Math.max(...this.recordings.map((recording) => recording.ticks)); }
  get tick() { return Math.floor(this.time); }

  fillChoices() {
    const worlds = [...new Set(this.panes.flatMap((pane) => pane.recordings.map((recording) => recording.world)))].sort((a, b) => a - b);
    byId("world").append(...worlds.map((world) => element("option", { value: world }, String(world))));
    byId("world-choice").hidden = worlds.length < 2;
    const usual = this.ticks > 400 ? 15 : 4;
    byId("speed").append(...SPEEDS.map((speed) => element("option", { value: speed, ...(speed === usual ? { selected: "" } : {}) }, `${speed} ticks/s`)));
  }

  listen() {
    const on = (id, act) => byId(id).addEventListener("click", act);
    on("play", () => this.toggle());
    on("back", () => this.seek(this.tick - 1));
    on("forward", () => this.seek(this.tick + 1));
    on("previous-conflict", () => this.toConflict(-1));
    on("next-conflict", () => this.toConflict(1));
    on("grudges", () => this.switch("grudges"));
    on("names", () => this.switch("names"));
    on("help-button", () => byId("help").showModal());
    byId("seek").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    byId("world").addEventListener("change", (event) => { this.showWorld(Number(event.target.value)); this.seek(this.tick); });
    window.addEventListener("hashchange", () => this.followAddress());
    window.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const typing = event.target.matches("select"), onButton = event.target.matches("button, input");
    if (typing || (onButton && event.key === " " && event.target.id !== "seek")) return;
    const step = event.shiftKey ? 10 : 1;
    const acts = {
      " ": () => this.toggle(), ArrowLeft: () => this.seek(this.tick - step), ArrowRight: () => this.seek(this.tick + step),
      Home: () => this.seek(0), End: () => this.seek(this.ticks - 1), n: () => this.toConflict(1), p: () => this.toConflict(-1),
      "[": () => this.faster(-1), "]": () => this.faster(1), g: () => this.switch("grudges"), m: () => this.switch("names"),
      "+": () => this.panes.forEach((pane) => pane.camera.zoom(1.25)), "-": () => this.panes.forEach((pane) => pane.camera.zoom(0.8)),
      0: () => this.panes.forEach((pane) => pane.camera.fit()), "?": () => byId("help").showModal(),
      Escape: () => this.panes.forEach((pane) => pane.select(-1)),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  switch(what) {
    this.shown[what] = !this.shown[what];
    byId(what).setAttribute("aria-pressed", String(this.shown[what]));
    this.redraw();
  }

  faster(by) {
    const choice = byId("speed");
    choice.selectedIndex = Math.min(Math.max(choice.selectedIndex + by, 0), SPEEDS.length - 1);
  }

  toggle() {
    this.playing = !this.playing;
    if (this.playing && this.tick >= this.ticks - 1) this.time = 0;
    byId("play").textContent = this.playing ? "❚❚" : "▶";
    byId("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.last = null;
    if (!this.playing) this.seek(this.tick);
    this.redraw();
  }

  seek(tick) {
    this.time = Math.min(Math.max(tick, 0), this.ticks - 1);
    if (!this.playing) this.updateAddress();
    this.redraw(true);
  }

  // Seek, and zoom in on the conflict of that tick; a side without one shows the same tile as the other.
  jump(tick) {
    this.seek(tick);
    const places = this.panes.map((pane) => pane.conflictTile(this.tick)), any = places.find(Boolean);
    this.panes.forEach((pane, side) => pane.zoomTo(places[side] ?? (pane.recording.sameMap(this.panes[0].recording) ? any : undefined)));
  }

  toConflict(direction) {
    const ticks = [...new Set(this.recordings.flatMap((recording) => recording.conflicts.map((event) => event.tick)))].sort((a, b) => a - b);
    const next = direction > 0 ? ticks.find((tick) => tick > this.tick) : ticks.findLast((tick) => tick < this.tick);
    if (next === undefined) byId("status").textContent = "No further conflict";
    else this.jump(next);
  }

  showWorld(world) {
    const found = this.panes.map((pane) => pane.show(world));
    byId("world").value = String(this.panes[0].recording.world);
    byId("seek").max = String(this.ticks - 1);
    this.timeline.setRecordings(this.recordings);
    const [recording] = this.recordings;
    byId("title").textContent = `Playback: ${withSpaces(recording.scenario)}`;
    byId("subtitle").textContent = this.sides > 1 ? recording.description
      : [behaviorName(recording), `seed ${recording.seed}`, worldLabel(recording), plural(recording.people.length, "person", "people"), plural(recording.ticks, "tick"), plural(recording.conflicts.length, "conflict")].filter(Boolean).join(", ");
    return found.some(Boolean);
  }

  // Show what the address names: #t=123&w=0, and &p=anna to select a person.
  followAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const world = asked.has("w") ? Number(asked.get("w")) : this.panes[0].recording.world;
    const found = world === this.panes[0].recording.world || this.showWorld(world);
    for (const pane of this.panes) {
      const person = pane.recording.people.indexOf(asked.get("p"));
      if (person >= 0) pane.selected = person;
    }
    const tick = Number(asked.get("t"));
    this.jump(Number.isInteger(tick) ? tick : 0);
    if (!found) byId("status").textContent = `World ${world} is not on this page`;
  }

  updateAddress() {
    const hash = `#t=${this.tick}&w=${this.panes[0].recording.world}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
    const events = this.panes.flatMap(({ recording }) => (this.tick < recording.ticks ? recording.between(this.tick - 1, this.tick).map((event) => sentence(recording, event)) : []));
    byId("status").textContent = `Tick ${this.tick}. ${events.join(". ")}`;
  }

  redraw() {
    this.wanted = true;
    this.frame ??= requestAnimationFrame((now) => this.show(now));
  }

  show(now) {
    this.frame = null;
    if (this.playing) this.advance(now);
    const panels = !this.playing || !this.panelsAt || now - this.panelsAt > 90;
    if (panels) this.panelsAt = now;
    const speed = Number(byId("speed").value), moving = this.playing && !this.still.matches;
    const view = {
      theme: this.theme, ...this.shown, playing: this.playing, motion: moving,
      // While it plays, events stay visible for about a second.
      eventTicks: this.playing ? Math.max(1, Math.round(speed * 1.1)) : 1,
    };
    for (const pane of this.panes) pane.draw(moving ? this.time : this.tick, view, panels);
    this.timeline.draw(this.tick, this.theme);
    if (panels) this.updateControls();
    if (this.playing) this.redraw();
  }

  advance(now) {
    const passed = Math.min(now - (this.last ?? now), 250) / 1000;
    this.last = now;
    this.time = Math.min(this.time + passed * Number(byId("speed").value), this.ticks - 1);
    if (this.time >= this.ticks - 1) this.toggle();
  }

  updateControls() {
    const [recording] = this.recordings, days = Math.ceil(this.ticks / recording.day);
    byId("seek").value = String(this.tick);
    byId("seek").setAttribute("aria-valuetext", `tick ${this.tick} of ${this.ticks - 1}`);
    byId("clock").replaceChildren(`tick ${this.tick}`, element("small", {}, ` of ${this.ticks - 1}${days > 1 ? `, day ${Math.floor(this.tick / recording.day) + 1}` : ""}`));
  }
}

async function begin() {
  const general = JSON.parse(byId("document").textContent);
  if (general.coding !== "identity" && !window.DecompressionStream) {
    throw new Error("this browser cannot decompress the recording; write the page with `townlet playback --plain`");
  }
  window.playback = new Player(await readSides(general), general);
}

begin().catch((error) => {
  byId("panes").replaceChildren(element("p", { class: "failure", role: "alert" }, `Cannot play this recording: ${error.message}`));
  throw error;
});
