// What a policy thought of one person's moment: how likely each action was, and what spoke for and against the one taken.

class Thoughts {
  constructor() {
    this.who = element("p", { class: "key" });
    this.actions = element("ul", { class: "rows thoughts", "aria-label": "Probabilities of actions" });
    this.about = element("h4");
    this.features = element("ul", { class: "rows thoughts", "aria-label": "What mattered, in nats" });
    this.node = element("div", {}, this.who, this.actions, this.about, this.features);
  }

  update(film, a, t) {
    this.node.hidden = !film.mind || a < 0;
    if (this.node.hidden) return;
    const { likely, moved, taken } = thoughtsOf(film, a, t), key = JSON.stringify([likely, moved]);
    if (key === this.key) return;
    this.key = key;
    const policy = `policy ${film.mind.policy.slice(0, 8)}`;
    setText(this.who, film.mind.acted ? `Chosen by ${policy}; how likely each action was:` : `Not chosen by ${policy}, which would have chosen:`);
    this.actions.replaceChildren(...likely.map(({ action, chance }) => this.action(action, chance, action === taken)));
    setText(this.about, `What spoke for and against: ${taken}`);
    const most = Math.max(...moved.map(({ share }) => Math.abs(share)));
    this.features.replaceChildren(...moved.map((one) => this.feature(one, most)));
  }

  action(name, chance, taken) {
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: `width:${100 * chance}%` }));
    return element("li", taken ? { class: "taken" } : {}, element("span", { class: "what", title: name }, name + (taken ? " ✓" : "")), bar,
      element("small", {}, chance < 0.005 ? "< 1 %" : percent(chance)));
  }

  feature({ name, meaning, share }, most) {
    const width = (50 * Math.abs(share)) / most, side = share > 0 ? "for" : "against";
    const bar = element("span", { class: "bar signed", "aria-hidden": "true" }, element("i", { class: side, style: `width:${width}%` }));
    return element("li", { title: meaning }, element("span", { class: "what" }, name), bar, element("small", {}, signed(share)));
  }
}

// The likeliest actions, the one taken among them, and the features that mattered most.
function thoughtsOf(film, a, t) {
  const slots = (name) => {
    const count = film.columns[name].series / film.people.length;
    return Array.from({ length: count }, (_, k) => film.get(name, a * count + k, t));
  };
  const nameOf = (action) => spaced(film.actions[action]), taken = nameOf(film.get("action", a, t));
  const [chances, shares] = [slots("chance"), slots("share")];
  const likely = slots("likely").map((action, k) => ({ action, chance: chances[k] }))
    .filter(({ action }) => action >= 0).map(({ action, chance }) => ({ action: nameOf(action), chance }));
  if (!likely.some(({ action }) => action === taken)) likely.push({ action: taken, chance: film.get("taken", a, t) });
  const moved = slots("moved").map((feature, k) => ({ feature, share: shares[k] }))
    .filter(({ feature, share }) => feature >= 0 && share !== 0)
    .map(({ feature, share }) => ({ name: spaced(film.mind.features[feature][0]), meaning: film.mind.features[feature][1], share }));
  return { likely, moved, taken };
}

// All about whoever is selected, and what a policy thought of it.
class About {
  constructor() {
    this.name = element("h3");
    this.facts = element("dl", { class: "detail", hidden: "" });
    this.thoughts = new Thoughts();
    this.node = element("section", { class: "card about", hidden: "" }, this.name, this.facts, this.thoughts.node);
  }

  update(film, t, selected) {
    const shown = selected >= 0 && film.alive(selected, t) ? selected : -1;
    this.node.hidden = this.facts.hidden = shown < 0;
    this.node.classList.toggle("thinks", shown >= 0 && Boolean(film.mind));
    this.thoughts.update(film, shown, t);
    if (shown < 0) return;
    setText(this.name, personName(film, shown, t));
    const facts = factsOf(film, shown, t), key = JSON.stringify(facts);
    if (key !== this.told) this.facts.replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
    this.told = key;
  }
}
