// What stands beside the map: figures, queues, people and events, each written anew only where it has changed.

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

function avatar(film, a, role = "") {
  return element("span", { class: `avatar ${role}`, style: `background:${film.colors[a]}`, "aria-hidden": "true" }, film.initials[a]);
}

// Four figures of the moment.
class Figures {
  constructor() {
    this.values = ["conflicts", "intensity", "waiting", "grudges"].map((name) => {
      const value = element("dd");
      return { value, row: element("div", {}, element("dt", {}, name), value) };
    });
    this.node = element("dl", { class: "card figures" }, ...this.values.map(({ row }) => row));
  }

  update(film, t) {
    const figures = [film.conflictCount[t], film.intensity[t].toFixed(film.intensity[t] < 100 ? 1 : 0), film.waiting[t], film.rivalry[t].toFixed(2)];
    this.values.forEach(({ value, row }, i) => {
      setText(value, String(figures[i]));
      row.classList.toggle("bad", i === 0 && film.conflictCount[t] > 0);
    });
  }
}

// Every queue as a line of people, the one who has the object first.
class Queues {
  constructor() {
    this.list = element("ul", { class: "rows queues" });
    this.node = element("section", { class: "card" }, element("h3", {}, "Queues now"), this.list);
  }

  update(film, t) {
    const shown = [...film.scene(t).queues.entries()]
      .filter(([, { holder, waiting }]) => holder >= 0 || waiting.length)
      .sort((one, two) => two[1].waiting.length - one[1].waiting.length || one[0] - two[0]).slice(0, 7);
    const key = JSON.stringify([film.manifest, film.world, shown.map(([o, q]) => [o, q, film.role(q.holder < 0 ? 0 : q.holder, t), q.waiting.map((a) => film.get("waited", a, t))])]);
    if (key === this.key) return;
    this.key = key;
    this.list.replaceChildren(...(shown.length ? shown.map((entry) => this.row(film, t, entry)) : [element("li", { class: "empty" }, "Nobody has anything, nobody waits.")]));
  }

  row(film, t, [o, { holder, waiting }]) {
    const line = element("span", { class: "line", "aria-hidden": "true" });
    const role = holder < 0 ? "" : film.role(holder, t) === ROLE.holding ? "holds" : "uses";
    const named = film.people.length <= PEOPLE_SHOWN && waiting.length < 5;
    const one = (a, part, note) => element("span", { class: "one" }, avatar(film, a, part), ...(named ? [called(film.people[a])] : []), element("small", {}, note));
    line.append(holder < 0 ? element("small", {}, "free") : one(holder, role, role === "holds" ? "unused" : ""));
    for (const a of waiting) line.append(element("span", { class: "arrow" }, "←"), one(a, "", String(film.get("waited", a, t))));
    const names = (people) => people.map((a) => called(film.people[a])).join(", then ");
    const told = `${film.labels[o]}: ${holder < 0 ? "nobody" : called(film.people[holder])} ${role || "has it"}` +
      (waiting.length ? `; waiting: ${names(waiting)}` : "");
    return element("li", {}, element("span", { class: "object", title: film.labels[o], "aria-hidden": "true" }, film.labels[o]), element("span", { class: "sr" }, told), line);
  }
}

// Everybody with needs, money and what they are at; of a large town those who are in a queue, at odds or selected.
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

  update(film, t, selected) {
    if (this.film !== film) {
      this.film = film;
      this.rows.clear();
    }
    const people = this.chosen(film, t, selected);
    const key = people.join();
    for (const a of people) {
      if (!this.rows.has(a)) this.rows.set(a, this.row(film, a));
      this.refresh(film, t, a, selected);
    }
    if (key !== this.key || this.list.childElementCount !== people.length || this.list.firstChild !== this.rows.get(people[0]).node) {
      this.list.replaceChildren(...people.map((a) => this.rows.get(a).node));
    }
    this.key = key;
    const left = film.people.length - people.length;
    setText(this.more, left > 0 ? `and ${left} more, who are neither in a queue nor at odds with anybody` : "");
    this.more.hidden = left === 0;
  }

  reveal(a) {
    this.rows.get(a)?.node.scrollIntoView({ block: "nearest" });
  }

  chosen(film, t, selected) {
    const all = film.people.map((_, a) => a);
    if (all.length <= PEOPLE_SHOWN) return all;
    const weight = (a) => (a === selected ? 100 : 0) + (film.alive(a, t) && film.role(a, t) === ROLE.waiting ? 2 : 0) + (film.grudges(a, t)[0]?.strength ?? 0);
    return all.map((a) => [weight(a), a]).sort((one, two) => two[0] - one[0] || one[1] - two[1]).slice(0, PEOPLE_SHOWN).map(([, a]) => a).sort((a, b) => a - b);
  }

  row(film, a) {
    const bars = NEEDS.map((need) => element("i", { class: need }));
    const name = element("span", { class: "name" }), doingNow = element("span", { class: "doing" }), money = element("span", { class: "money" });
    const levels = element("span", { class: "sr" });
    const button = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.select(a) },
      avatar(film, a), element("span", { class: "who" }, money, name, doingNow),
      element("span", { class: "bars", "aria-hidden": "true" }, ...bars.map((bar) => element("span", { class: "bar" }, bar))), levels);
    return { node: element("li", {}, button), button, bars, name, doingNow, money, levels };
  }

  refresh(film, t, a, selected) {
    const row = this.rows.get(a), here = film.alive(a, t);
    setText(row.name, personName(film, a, t));
    setText(row.doingNow, doingBriefly(film, a, t));
    setText(row.money, film.money && here ? film.get("wallet", a, t).toFixed(2) : "");
    row.bars.forEach((bar, n) => (bar.style.width = `${here ? 100 * film.need(a, n, t) : 0}%`));
    setText(row.levels, here ? NEEDS.map((need, n) => `${need} ${percent(film.need(a, n, t))}`).join(", ") : "");
    row.button.setAttribute("aria-pressed", String(a === selected));
    row.button.style.opacity = here ? 1 : 0.5;
  }
}

function factsOf(film, a, t) {
  const parts = film.parts.map((name, i) => [spaced(name), film.get("parts", film.parts.length * a + i, t)]).filter(([, value]) => value !== 0);
  const job = film.jobs[a] && `${spaced(film.jobs[a])}, ${spaced(film.general.shifts[film.get("shift", a, t)])}`;
  const facts = [
    ["action", spaced(film.actions[film.get("action", a, t)])],
    ["reward", `${signed(film.get("reward", a, t))}${parts.length ? ` = ${parts.map(([name, value]) => `${name} ${signed(value)}`).join(", ")}` : ""}`],
  ];
  if (film.columns.value) facts.push(["value", film.get("value", a, t).toFixed(3).replace("-", "−")]);
  if (job) facts.push(["work", job]);
  const grudges = film.grudges(a, t);
  if (grudges.length) facts.push(["grudges", grudges.map(({ to, strength }) => `${called(film.people[to])} ${strength.toFixed(2)}`).join(", ")]);
  return facts;
}

// What has happened up to this tick, the latest first.
const EVENTS_SHOWN = 60;

class Events {
  constructor(seek) {
    this.seek = seek;
    this.list = element("ol", { class: "rows events scroll", tabindex: "0", "aria-label": "Events, the latest first" });
    this.filter = element("select", { "aria-label": "Which events" },
      element("option", { value: "all" }, "all"), element("option", { value: "queue" }, "conflicts and courtesies"), element("option", { value: "worst" }, "worst conflicts"));
    this.filter.onchange = () => { this.key = ""; this.update(this.film, this.tick); };
    this.node = element("section", { class: "card grow" }, element("div", { class: "head" }, element("h3", {}, "What happens"), this.filter), this.list);
    this.rows = new Map();
  }

  update(film, t) {
    if (film !== this.film) this.rows.clear();
    this.film = film;
    this.tick = t;
    const events = this.chosen(film, t), key = `${t} ${events[0]?.index} ${events.length}`;
    if (key === this.key) return;
    this.key = key;
    const rows = new Map(events.map((event) => [event.index, this.rows.get(event.index) ?? this.row(film, event)]));
    for (const event of events) rows.get(event.index).firstChild.classList.toggle("now", event.tick === t);
    const nodes = [...rows.values()];
    const focused = document.activeElement;
    this.list.replaceChildren(...(nodes.length ? nodes : [element("li", { class: "empty" }, "Nothing yet.")]));
    // What is still there keeps the focus.
    if (this.list.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
    this.rows = rows;
  }

  chosen(film, t) {
    if (this.filter.value === "worst") return [...film.conflicts].sort((one, two) => two.intensity - one.intensity).slice(0, EVENTS_SHOWN);
    const found = [];
    for (let e = film.upTo[t] - 1; e >= 0 && found.length < EVENTS_SHOWN; e--) {
      const event = film.events[e];
      if (this.filter.value === "all" || event.conflict || event.polite) found.push(event);
    }
    return found;
  }

  row(film, event) {
    const kind = event.conflict ? "conflict" : event.polite ? "polite" : "";
    const told = element("span", {}, sentence(film, event));
    if (event.conflict) told.append(" ", element("b", { title: "intensity" }, event.intensity.toFixed(2)));
    return element("li", {}, element("button", { type: "button", class: kind, onclick: () => this.seek(event.tick), "data-tick": event.tick },
      element("span", { class: "tick" }, String(event.tick)), told));
  }
}
