// Cards beside the map: key figures, queues, people and events. Each is updated only where it changes.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") node.style.cssText = value;
    else if (name === "onclick") node.onclick = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function avatar(recording, a, role = "") {
  return element("span", { class: `avatar ${role}`, style: `background:${recording.colors[a]}`, "aria-hidden": "true" }, recording.initials[a]);
}

// Four key figures at the current tick.
class KeyFigures {
  constructor() {
    this.values = ["conflicts", "intensity", "waiting", "grudges"].map((name) => {
      const value = element("dd");
      return { value, row: element("div", {}, element("dt", {}, name), value) };
    });
    this.node = element("dl", { class: "card figures" }, ...this.values.map(({ row }) => row));
  }

  update(recording, t) {
    const figures = [recording.conflictCount[t], recording.intensity[t].toFixed(recording.intensity[t] < 100 ? 1 : 0), recording.waiting[t], recording.rivalry[t].toFixed(2)];
    this.values.forEach(({ value, row }, i) => {
      setText(value, String(figures[i]));
      row.classList.toggle("bad", i === 0 && recording.conflictCount[t] > 0);
    });
  }
}

// Every queue as a line of people, the holder of the object first.
class Queues {
  constructor() {
    this.list = element("ul", { class: "rows queues" });
    this.node = element("section", { class: "card" }, element("h3", {}, "Queues now"), this.list);
  }

  update(recording, t) {
    const shown = [...recording.scene(t).queues.entries()]
      .filter(([, { holder, waiting }]) => holder >= 0 || waiting.length)
      .sort((one, two) => two[1].waiting.length - one[1].waiting.length || one[0] - two[0]).slice(0, 7);
    const key = JSON.stringify([recording.manifest, recording.world, shown.map(([o, q]) => [o, q, recording.role(q.holder < 0 ? 0 : q.holder, t), q.waiting.map((a) => recording.get("waited", a, t))])]);
    if (key === this.key) return;
    this.key = key;
    this.list.replaceChildren(...(shown.length ? shown.map((entry) => this.row(recording, t, entry)) : [element("li", { class: "empty" }, "No object is in use and nobody waits.")]));
  }

  row(recording, t, [o, { holder, waiting }]) {
    const line = element("span", { class: "line", "aria-hidden": "true" });
    const role = holder < 0 ? "" : recording.role(holder, t) === ROLE.holding ? "holds" : "uses";
    const named = recording.people.length <= PEOPLE_SHOWN && waiting.length < 5;
    const one = (a, part, note) => element("span", { class: "one" }, avatar(recording, a, part), ...(named ? [displayName(recording.people[a])] : []), element("small", {}, note));
    line.append(holder < 0 ? element("small", {}, "free") : one(holder, role, role === "holds" ? "unused" : ""));
    for (const a of waiting) line.append(element("span", { class: "arrow" }, "←"), one(a, "", String(recording.get("waited", a, t))));
    const names = (people) => people.map((a) => displayName(recording.people[a])).join(", then ");
    const description = `${recording.labels[o]}: ${holder < 0 ? "nobody" : displayName(recording.people[holder])} ${role || "has it"}` +
      (waiting.length ? `; waiting: ${names(waiting)}` : "");
    return element("li", {}, element("span", { class: "object", title: recording.labels[o], "aria-hidden": "true" }, recording.labels[o]), element("span", { class: "sr" }, description), line);
  }
}

// People with their needs, money and activity; of a large town only those who wait, hold a grudge or are selected.
const PEOPLE_SHOWN = 24;

class People {
  constructor(select) {
    this.select = select;
    this.list = element("ul", { class: "rows people scroll", "aria-label": "People" });
    this.more = element("p", { class: "key" });
    const key = element("p", { class: "key" }, ...NEEDS.map((need) => element("span", {}, element("i", { style: `background:var(--${need})` }), need)));
    this.node = element("section", { class: "card people-card grow" }, element("h3", {}, "People"), key, this.list, this.more);
    this.rows = new Map();
  }

  update(recording, t, selected) {
    if (this.recording !== recording) {
      this.recording = recording;
      this.rows.clear();
    }
    const people = this.chosen(recording, t, selected);
    const key = people.join();
    for (const a of people) {
      if (!this.rows.has(a)) this.rows.set(a, this.row(recording, a));
      this.refresh(recording, t, a, selected);
    }
    if (key !== this.key || this.list.childElementCount !== people.length || this.list.firstChild !== this.rows.get(people[0]).node) {
      this.list.replaceChildren(...people.map((a) => this.rows.get(a).node));
    }
    this.key = key;
    const left = recording.people.length - people.length;
    setText(this.more, left > 0 ? `and ${left} more, who neither wait nor hold a strong grudge` : "");
    this.more.hidden = left === 0;
  }

  reveal(a) {
    this.rows.get(a)?.node.scrollIntoView({ block: "nearest" });
  }

  chosen(recording, t, selected) {
    const all = recording.people.map((_, a) => a);
    if (all.length <= PEOPLE_SHOWN) return all;
    const weight = (a) => (a === selected ? 100 : 0) + (recording.alive(a, t) && recording.role(a, t) === ROLE.waiting ? 2 : 0) + (recording.grudges(a, t)[0]?.strength ?? 0);
    return all.map((a) => [weight(a), a]).sort((one, two) => two[0] - one[0] || one[1] - two[1]).slice(0, PEOPLE_SHOWN).map(([, a]) => a).sort((a, b) => a - b);
  }

  row(recording, a) {
    const bars = NEEDS.map((need) => element("i", { class: need }));
    const name = element("span", { class: "name" }), doingNow = element("span", { class: "doing" }), money = element("span", { class: "money" });
    const levels = element("span", { class: "sr" });
    const button = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.select(a) },
      avatar(recording, a), element("span", { class: "who" }, money, name, doingNow),
      element("span", { class: "bars", "aria-hidden": "true" }, ...bars.map((bar) => element("span", { class: "bar" }, bar))), levels);
    return { node: element("li", {}, button), button, bars, name, doingNow, money, levels };
  }

  refresh(recording, t, a, selected) {
    const row = this.rows.get(a), here = recording.alive(a, t);
    setText(row.name, personName(recording, a, t));
    setText(row.doingNow, briefActivity(recording, a, t));
    setText(row.money, recording.money && here ? recording.get("wallet", a, t).toFixed(2) : "");
    row.bars.forEach((bar, n) => (bar.style.width = `${here ? 100 * recording.need(a, n, t) : 0}%`));
    setText(row.levels, here ? NEEDS.map((need, n) => `${need} ${percent(recording.need(a, n, t))}`).join(", ") : "");
    row.button.setAttribute("aria-pressed", String(a === selected));
    row.button.style.opacity = here ? 1 : 0.5;
  }
}

function factsOf(recording, a, t) {
  const parts = recording.parts.map((name, i) => [withSpaces(name), recording.get("parts", recording.parts.length * a + i, t)]).filter(([, value]) => value !== 0);
  const job = recording.jobs[a] && `${withSpaces(recording.jobs[a])}, ${withSpaces(recording.general.shifts[recording.get("shift", a, t)])}`;
  const facts = [
    ...(recording.company ? [["who acts", memberName(recording.company[a])]] : []),
    ["action", withSpaces(recording.actions[recording.get("action", a, t)])],
    ["reward", `${signed(recording.get("reward", a, t))}${parts.length ? ` = ${parts.map(([name, value]) => `${name} ${signed(value)}`).join(", ")}` : ""}`],
  ];
  const estimates = recording.policy_outputs || !recording.company || recording.company[a][3];
  if (recording.columns.value && estimates) facts.push(["value", recording.get("value", a, t).toFixed(3).replace("-", "−")]);
  if (job) facts.push(["work", job]);
  const grudges = recording.grudges(a, t);
  if (grudges.length) facts.push(["grudges", grudges.map(({ to, strength }) => `${displayName(recording.people[to])} ${strength.toFixed(2)}`).join(", ")]);
  return facts;
}

// Events up to the current tick, the latest first.
const EVENTS_SHOWN = 60;

class Events {
  constructor(seek) {
    this.seek = seek;
    this.list = element("ol", { class: "rows events scroll", tabindex: "0", "aria-label": "Events, the latest first" });
    this.filter = element("select", { "aria-label": "Which events" },
      element("option", { value: "all" }, "all"), element("option", { value: "queue" }, "conflicts and courtesies"), element("option", { value: "worst" }, "worst conflicts"));
    this.filter.onchange = () => { this.key = ""; this.update(this.recording, this.tick); };
    this.node = element("section", { class: "card grow" }, element("div", { class: "head" }, element("h3", {}, "Events"), this.filter), this.list);
    this.rows = new Map();
  }

  update(recording, t) {
    if (recording !== this.recording) this.rows.clear();
    this.recording = recording;
    this.tick = t;
    const events = this.chosen(recording, t), key = `${t} ${events[0]?.index} ${events.length}`;
    if (key === this.key) return;
    this.key = key;
    const rows = new Map(events.map((event) => [event.index, this.rows.get(event.index) ?? this.row(recording, event)]));
    for (const event of events) rows.get(event.index).firstChild.classList.toggle("now", event.tick === t);
    const nodes = [...rows.values()];
    const focused = document.activeElement;
    this.list.replaceChildren(...(nodes.length ? nodes : [element("li", { class: "empty" }, "Nothing yet.")]));
    // A row that stays keeps the focus.
    if (this.list.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
    this.rows = rows;
  }

  chosen(recording, t) {
    if (this.filter.value === "worst") return [...recording.conflicts].sort((one, two) => two.intensity - one.intensity).slice(0, EVENTS_SHOWN);
    const found = [];
    for (let e = recording.upTo[t] - 1; e >= 0 && found.length < EVENTS_SHOWN; e--) {
      const event = recording.events[e];
      if (this.filter.value === "all" || event.conflict || event.courtesy) found.push(event);
    }
    return found;
  }

  row(recording, event) {
    const kind = event.conflict ? "conflict" : event.courtesy ? "courtesy" : "";
    const text = element("span", {}, sentence(recording, event));
    if (event.conflict) text.append(" ", element("b", { title: "intensity" }, event.intensity.toFixed(2)));
    return element("li", {}, element("button", { type: "button", class: kind, onclick: () => this.seek(event.tick), "data-tick": event.tick },
      element("span", { class: "tick" }, String(event.tick)), text));
  }
}
