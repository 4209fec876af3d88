// Names of things and descriptions of events.

const withSpaces = (name) => name.replaceAll("_", " ");
const displayName = (name) => withSpaces(name).replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
const ordinal = (n) => n + (n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th");

// One or two characters for each person, distinct if possible.
function initialsOf(names) {
  const first = names.map((name) => (/\d+$/.exec(name)?.[0] ?? name[0]).toUpperCase());
  return first.map((sign, a) => (first.indexOf(sign) === first.lastIndexOf(sign) ? sign
    : /\d/.test(sign) ? names[a][0].toUpperCase() + sign : names[a].slice(0, 2).replace(/^./, (letter) => letter.toUpperCase())));
}

function personName(recording, a, t) {
  const generation = recording.get("generation", a, Math.max(t, 0));
  return displayName(recording.people[a]) + (generation > 0 ? ` (${ordinal(generation + 1)})` : "");
}

const objectName = (recording, o) => `the ${recording.labels[o]}`;

// Names of objects by type, number and room, such as "shower 2 in gym 1".
function labelsOf(recording) {
  const groups = new Map();
  const keys = recording.objects.map(([, type, x, y], o) => {
    const room = recording.rooms[recording.get("rooms", x, y)] ?? "", key = `${type} ${room}`;
    groups.set(key, [...(groups.get(key) ?? []), o]);
    return { type, room, key };
  });
  return keys.map(({ type, room, key }, o) => {
    const alike = groups.get(key);
    return withSpaces(type) + (alike.length > 1 ? ` ${alike.indexOf(o) + 1}` : "") + (room ? ` in ${room}` : "");
  });
}

const worldLabel = (recording) => (recording.worlds > 1 ? `world ${recording.world} of ${recording.worlds}` : "");
const BEHAVIORS = { scripted: "Scripted", random: "Random actions", heuristic: "Heuristic", neural: "Trained policy", mixed: "Mixed company" };
const behaviorName = (recording) => recording.label ?? (BEHAVIORS[recording.behavior] ?? displayName(recording.behavior)) + (recording.policy ? ` ${recording.policy.slice(0, 8)}` : "");
// Who acts for somebody in mixed company, and the key that says so.
const memberName = ([key, behavior, policy]) => `${behaviorName({ behavior, policy })} (${withSpaces(key)})`;

// Texts of the bubbles on the map.
const BUBBLE_TEXTS = {
  ghost_step: "holds it, unused", push_in: "pushes in", overstay: "will not leave", contested_arrival: "same tick",
  hand_over: "hands over", yield: "after you", avoidance: "avoids a rival",
};

function sentence(recording, event) {
  const who = event.actor >= 0 ? personName(recording, event.actor, Math.max(event.tick - 1, 0)) : "";
  const other = event.rival >= 0 ? personName(recording, event.rival, Math.max(event.tick - 1, 0)) : "";
  const object = event.object >= 0 ? objectName(recording, event.object) : "";
  const use = event.detail >= 0 && event.detail < recording.uses.length ? withSpaces(recording.uses[event.detail][0]) : "";
  const ticks = plural(event.detail, "tick");
  switch (event.kind) {
    case "ghost_step": return `${who} holds ${object} unused while ${other} waits, and is sent to the back`;
    case "push_in": return `${who} pushes in ahead of ${other} at ${object}`;
    case "overstay": return `${who} keeps using ${object} while ${other} waits`;
    case "contested_arrival": return `${who} arrives at ${object} in the same tick as ${other} and goes first`;
    case "hand_over": return `${who} hands ${object} over to ${other}`;
    case "yield": return `${who} lets ${other} go first at ${object}`;
    case "avoidance": return `${who} leaves ${object} because ${other} is there`;
    case "use_completed": return `${who} has finished: ${use} at ${object}`;
    case "use_interrupted": return `${who} is interrupted: ${use} at ${object}`;
    case "on_time_arrival": return `${who} arrives at work on time`;
    case "late_arrival": return `${who} arrives at work ${ticks} late`;
    case "absence": return `${who} is absent from work`;
    case "faint": return `${who} faints and leaves`;
    case "eviction": return `${who} is evicted`;
    case "departure": return `${who} moves away`;
    case "newcomer": return `${personName(recording, event.actor, event.tick)} comes to town`;
    case "impatience": return `${who} has waited ${ticks} for ${object}` + (other ? ` and resents ${other}, who has it` : " and resents it");
    case "chat_success": return `${who} and ${other} have a good chat`;
    case "chat_failure": return `${who} and ${other} chat, but do not get on`;
    case "shared_meal": return `${who} and ${other} share a meal`;
    case "late_help": return `${who} helps ${other}, who is late for work`;
    case "shift_takeover": return `${who} takes over the shift of ${other}`;
    case "power_outage": return `Power outage for ${ticks}`;
    case "water_outage": return `Water outage for ${ticks}`;
    case "price_spike": return `Higher prices for ${ticks}`;
    case "closure": return `${object.replace(/^t/, "T")} is closed for ${ticks}`;
    default: return `${withSpaces(event.kind)} ${[who, other, object].filter(Boolean).join(", ")}`;
  }
}

// A person's activity in a few words, for a card.
function briefActivity(recording, a, t) {
  const role = recording.alive(a, t) ? recording.role(a, t) : ROLE.idle, type = withSpaces(recording.objects[recording.objectOf(a, t)]?.[1] ?? "");
  if (role === ROLE.waiting) return `${ordinal(recording.get("place", a, t) + 1)} in line, ${plural(recording.get("waited", a, t), "tick")}`;
  if (role === ROLE.holding) return `has the ${type}, unused`;
  if (role === ROLE.using) return `${withSpaces(recording.uses[recording.get("use", a, t)]?.[0] ?? "")}, ${plural(recording.get("left", a, t), "tick")} left`;
  return activity(recording, a, t);
}

// A person's activity.
function activity(recording, a, t) {
  if (!recording.alive(a, t)) return "not in town";
  const role = recording.role(a, t), object = recording.objectOf(a, t);
  if (role === ROLE.waiting) {
    return `${ordinal(recording.get("place", a, t) + 1)} in line for ${objectName(recording, object)}, ${plural(recording.get("waited", a, t), "tick")}`;
  }
  if (role === ROLE.holding) return `has ${objectName(recording, object)} and does not use it`;
  if (role === ROLE.finished) return `has finished with ${objectName(recording, object)}`;
  if (role === ROLE.using) {
    const [use, ticks] = recording.uses[recording.get("use", a, t)] ?? ["", 0];
    return `${withSpaces(use)} at ${objectName(recording, object)}, ${ticks - recording.get("left", a, t)} of ${plural(ticks, "tick")}`;
  }
  const action = recording.actions[recording.get("action", a, t)];
  if (action === "wait") return "waits";
  if (action.startsWith("move_")) return `walks ${action.slice(5)}`;
  if (action.startsWith("request_")) return `goes for a ${withSpaces(action.slice(8))}`;
  return { leave_queue: "leaves the queue", yield: "gives way", push_in: "pushes in" }[action] ?? `${withSpaces(action)}s`;
}

const NEEDS = ["hunger", "hygiene", "energy"];
const percent = (share) => `${Math.round(100 * share)} %`;
const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(3);
