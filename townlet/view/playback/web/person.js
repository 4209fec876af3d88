// A policy's outputs for the selected person: action probabilities, and the features with the largest attributions.

class PolicyOutputs {
  constructor() {
    this.origin = element("p", { class: "key" });
    this.actions = element("ul", { class: "rows policy-outputs", "aria-label": "Probabilities of actions" });
    this.heading = element("h4");
    this.features = element("ul", { class: "rows policy-outputs", "aria-label": "Features by attribution, nats" });
    this.node = element("div", {}, this.origin, this.actions, this.heading, this.features);
  }

  update(recording, a, t) {
    this.node.hidden = !recording.policy_outputs || a < 0;
    if (this.node.hidden) return;
    const { actions, features, taken } = policyOutputsOf(recording, a, t), key = JSON.stringify([a, actions, features]);
    if (key === this.key) return;
    this.key = key;
    const policy = `policy ${recording.policy_outputs.policy.slice(0, 8)}`;
    const { acted } = recording.policy_outputs;
    setText(this.origin, (Array.isArray(acted) ? acted[a] : acted) ? `Action chosen by ${policy}; its probabilities:` : `Action not chosen by ${policy}; its probabilities:`);
    this.actions.replaceChildren(...actions.map(({ action, probability }) => this.actionRow(action, probability, action === taken)));
    setText(this.heading, features.length ? `Features for and against: ${taken}` : "");
    const most = Math.max(...features.map(({ attribution }) => Math.abs(attribution)));
    this.features.replaceChildren(...features.map((one) => this.featureRow(one, most)));
  }

  actionRow(name, probability, isTaken) {
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: `width:${100 * probability}%` }));
    return element("li", isTaken ? { class: "taken" } : {}, element("span", { class: "what", title: name }, name + (isTaken ? " ✓" : "")), bar,
      element("small", {}, probability < 0.005 ? "< 1 %" : percent(probability)));
  }

  featureRow({ name, meaning, attribution }, most) {
    const width = (50 * Math.abs(attribution)) / most, side = attribution > 0 ? "for" : "against";
    const bar = element("span", { class: "bar signed", "aria-hidden": "true" }, element("i", { class: side, style: `width:${width}%` }));
    return element("li", { title: meaning }, element("span", { class: "what" }, name), bar, element("small", {}, signed(attribution)));
  }
}

// The most probable actions and the action taken, and the features with the largest attributions.
function policyOutputsOf(recording, a, t) {
  const slots = (name) => {
    const count = recording.columns[name].series / recording.people.length;
    return Array.from({ length: count }, (_, k) => recording.get(name, a * count + k, t));
  };
  const nameOf = (action) => withSpaces(recording.actions[action]), taken = nameOf(recording.get("action", a, t));
  const [probabilities, attributions] = [slots("top_probabilities"), slots("attributions")];
  const actions = slots("top_actions").map((action, k) => ({ action, probability: probabilities[k] }))
    .filter(({ action }) => action >= 0).map(({ action, probability }) => ({ action: nameOf(action), probability }));
  if (!actions.some(({ action }) => action === taken)) actions.push({ action: taken, probability: recording.get("taken_probability", a, t) });
  const features = slots("top_features").map((feature, k) => ({ feature, attribution: attributions[k] }))
    .filter(({ feature, attribution }) => feature >= 0 && attribution !== 0)
    .map(({ feature, attribution }) => ({ name: withSpaces(recording.policy_outputs.features[feature][0]), meaning: recording.policy_outputs.features[feature][1], attribution }));
  return { actions, features, taken };
}

// The card of the selected person: facts, and a policy's outputs.
class SelectedPerson {
  constructor() {
    this.name = element("h3");
    this.facts = element("dl", { class: "detail", hidden: "" });
    this.policyOutputs = new PolicyOutputs();
    this.node = element("section", { class: "card about", hidden: "" }, this.name, this.facts, this.policyOutputs.node);
  }

  update(recording, t, selected) {
    const shown = selected >= 0 && recording.alive(selected, t) ? selected : -1;
    this.node.hidden = this.facts.hidden = shown < 0;
    this.node.classList.toggle("with-policy", shown >= 0 && Boolean(recording.policy_outputs));
    this.policyOutputs.update(recording, shown, t);
    if (shown < 0) return;
    setText(this.name, personName(recording, shown, t));
    const facts = factsOf(recording, shown, t), key = JSON.stringify(facts);
    if (key !== this.key) this.facts.replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
    this.key = key;
  }
}
