// One side of the page: the map of a rollout and the cards beside it.

class Pane {
  constructor(recordings, player) {
    this.recordings = recordings;
    this.player = player;
    this.recording = recordings[0];
    this.selected = -1;
    this.canvas = element("canvas", { role: "img" });
    this.notice = element("div", { class: "notice" });
    this.tip = element("div", { class: "tip", hidden: "", "aria-hidden": "true" });
    this.grudgeGraph = element("canvas", { role: "img" });
    this.title = element("h2");
    this.figures = new KeyFigures();
    this.queues = new Queues();
    this.people = new People((a) => this.select(a));
    this.about = new SelectedPerson();
    this.events = new Events((tick) => player.jump(tick));
    this.camera = new Camera(this.canvas, this.recording, () => player.redraw());
    this.map = new TownMap(this.canvas, this.recording, this.camera);
    this.stage = element("div", { class: "card stage" }, this.canvas, this.notice, this.tip, this.zoomButtons());
    this.node = this.build();
    this.listen();
  }

  build() {
    const graph = element("section", { class: "card grudge-graph" }, element("h3", {}, "Grudges"), this.grudgeGraph);
    const mapPart = element("div", { class: "map-part" }, element("div", {}, this.title, this.figures.node), this.stage);
    const side = (...cards) => element("div", { class: "side" }, ...cards), alone = this.player.sides === 1;
    const sides = alone ? [side(this.queues.node, this.events.node), side(this.about.node, graph, this.people.node)] : [side(this.queues.node, this.about.node, graph, this.events.node)];
    return element("section", { class: "pane" }, mapPart, ...sides);
  }

  zoomButtons() {
    const button = (name, sign, act) => element("button", { type: "button", "aria-label": name, title: name, onclick: act }, sign);
    return element("div", { class: "zoom" }, button("Zoom in", "+", () => this.camera.zoom(1.4)), button("Zoom out", "−", () => this.camera.zoom(1 / 1.4)),
      button("Whole town", "⌂", () => { this.select(-1); this.camera.fit(); }));
  }

  listen() {
    new ResizeObserver(() => this.resize()).observe(this.stage);
    new ResizeObserver(() => this.player.redraw()).observe(this.grudgeGraph);
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("click", (event) => {
      if (this.camera.moved > 6) return;
      const found = this.map.find(event.offsetX, event.offsetY);
      this.select(found?.person ?? -1);
      this.hover(event);
    });
  }

  resize() {
    const ratio = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = this.stage;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const first = !this.camera.width;
    this.camera.resize(width, height);
    if (first) this.player.jump(this.player.tick);
    this.player.redraw();
  }

  show(world) {
    const recording = this.recordings.find((each) => each.world === world);
    if (recording) {
      this.recording = recording;
      this.selected = -1;
      this.camera.box = usedArea(recording);
      this.map.setRecording(recording);
    }
    const { recording: now } = this, people = plural(now.people.length, "person", "people");
    const town = this.player.recordings.every((recording) => recording.scenario === now.scenario) ? "" : withSpaces(now.scenario);
    this.title.replaceChildren(behaviorName(now), " ", element("small", {}, [town, `seed ${now.seed}`, worldLabel(now), people].filter(Boolean).join(", ")));
    this.title.hidden = this.player.sides === 1;
    return Boolean(recording);
  }

  select(a) {
    this.selected = a === this.selected ? -1 : a;
    this.people.reveal(this.selected);
    this.player.redraw();
  }

  // The tile of the most intense conflict of a tick.
  conflictTile(tick) {
    const events = this.recording.conflicts.filter((event) => event.tick === tick);
    if (!events.length) return undefined;
    const { object } = events.reduce((worst, event) => (event.intensity > worst.intensity ? event : worst));
    return this.recording.objects[object].slice(2);
  }

  // Bring a tile into view.
  zoomTo(tile) {
    if (tile && this.camera.width) this.camera.zoomTo(...tile);
  }

  tickOf(time) { return Math.min(Math.floor(time), this.recording.ticks - 1); }

  draw(time, view, panels) {
    const t = this.tickOf(time), at = Math.min(time, this.recording.ticks - 1);
    if (!this.canvas.width) return;
    this.canvas.style.touchAction = this.camera.fitted ? "pan-y" : "none";
    if (this.selected >= 0 && !this.camera.fitted && view.playing && this.recording.alive(this.selected, t)) {
      const { x, y } = positionOf(this.recording, this.selected, at);
      this.camera.center(x + 0.5, y + 0.5);
    }
    this.map.draw(at, { ...view, selected: this.selected });
    if (!panels) return;
    this.figures.update(this.recording, t);
    this.queues.update(this.recording, t);
    this.people.update(this.recording, t, this.selected);
    this.events.update(this.recording, t);
    this.about.update(this.recording, t, this.selected);
    drawGrudgeGraph(this.grudgeGraph, this.recording, t, view.theme, this.selected);
    const off = ["No power", "No water", "Prices are raised"].filter((_, i) => this.recording.get("conditions", i, t));
    if (this.notice.textContent !== off.join("")) this.notice.replaceChildren(...off.map((text) => element("span", {}, text)));
    if (!view.playing) this.canvas.setAttribute("aria-label", this.summary(t));
  }

  // The tick in words, for screen readers.
  summary(t) {
    const { queues } = this.recording.scene(t);
    const lines = [...queues.entries()].filter(([, q]) => q.waiting.length).map(([o, q]) =>
      `${plural(q.waiting.length, "person waits", "people wait")} for ${objectName(this.recording, o)}`);
    const events = this.recording.between(t - 1, t).map((event) => sentence(this.recording, event));
    return `Map of the town at tick ${t}. ${[...(lines.length ? lines : ["Nobody waits"]), ...events].join(". ")}.`;
  }

  hover(event) {
    if (this.camera.pointers.size && event.pointerType !== "touch") {
      this.stage.classList.add("held");
      this.tip.hidden = true;
      return;
    }
    this.stage.classList.remove("held");
    const found = this.map.find(event.offsetX, event.offsetY), t = this.tickOf(this.player.time);
    this.stage.classList.toggle("over", Boolean(found));
    this.tip.hidden = !found;
    if (!found) return;
    this.tip.replaceChildren(...(found.person >= 0 ? this.aboutPerson(found.person, t) : this.aboutObject(found.object, t)));
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const x = event.offsetX + 16 + width > this.stage.clientWidth ? event.offsetX - width - 12 : event.offsetX + 16;
    const y = Math.min(event.offsetY + 12, this.stage.clientHeight - height - 6);
    this.tip.style.transform = `translate(${Math.max(x, 4)}px, ${Math.max(y, 4)}px)`;
  }

  aboutPerson(a, t) {
    const { recording } = this;
    const bars = NEEDS.map((need, n) => element("p", {}, `${need} ${percent(recording.need(a, n, t))}`,
      element("span", { class: "bar", style: "display:block" }, element("i", { class: need, style: `width:${100 * recording.need(a, n, t)}%` }))));
    const [grudge] = recording.grudges(a, t);
    return [element("p", {}, element("strong", {}, personName(recording, a, t)), recording.money ? ` · money ${recording.get("wallet", a, t).toFixed(2)}` : ""),
      element("p", {}, activity(recording, a, t)), ...bars,
      ...(grudge ? [element("p", {}, `holds a grudge against ${displayName(recording.people[grudge.to])}: ${grudge.strength.toFixed(2)}`)] : [])];
  }

  aboutObject(o, t) {
    const { recording } = this, { holder, waiting } = recording.scene(t).queues[o], stock = recording.get("stock", o, t);
    const lines = [holder < 0 ? "free" : `${displayName(recording.people[holder])}: ${activity(recording, holder, t)}`, waiting.length ? `waiting: ${waiting.map((a) => displayName(recording.people[a])).join(", ")}` : ""];
    if (recording.get("closed", o, t)) lines.unshift("out of service");
    if (stock > 0) lines.push(`${stock} in stock`);
    return [element("p", {}, element("strong", {}, recording.labels[o])), ...lines.filter(Boolean).map((line) => element("p", {}, line))];
  }
}
