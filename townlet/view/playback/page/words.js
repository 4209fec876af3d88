// What things are called and what happens, in words.

const spaced = (name) => name.replaceAll("_", " ");
const called = (name) => spaced(name).replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
const some = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
const ordinal = (n) => n + (n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th");

// One or two signs for each person, different as long as that can be done.
function initialsOf(names) {
  const first = names.map((name) => (/\d+$/.exec(name)?.[0] ?? name[0]).toUpperCase());
  return first.map((sign, a) => (first.indexOf(sign) === first.lastIndexOf(sign) ? sign
    : /\d/.test(sign) ? names[a][0].toUpperCase() + sign : names[a].slice(0, 2).replace(/^./, (letter) => letter.toUpperCase())));
}

function personName(film, a, t) {
  const generation = film.get("generation", a, Math.max(t, 0));
  return called(film.people[a]) + (generation > 0 ? ` (${ordinal(generation + 1)})` : "");
}

const objectName = (film, o) => `the ${film.labels[o]}`;

// Each object by its type and room, and by its number among those of its type there: "shower 2 in gym 1".
function labelsOf(film) {
  const groups = new Map();
  const keys = film.objects.map(([, type, x, y], o) => {
    const room = film.rooms[film.get("rooms", x, y)] ?? "", key = `${type} ${room}`;
    groups.set(key, [...(groups.get(key) ?? []), o]);
    return { type, room, key };
  });
  return keys.map(({ type, room, key }, o) => {
    const alike = groups.get(key);
    return spaced(type) + (alike.length > 1 ? ` ${alike.indexOf(o) + 1}` : "") + (room ? ` in ${room}` : "");
  });
}

const whichWorld = (film) => (film.worlds > 1 ? `world ${film.world} of ${film.worlds}` : "");
const BEHAVIORS = { scripted: "People by script", random: "Random actions", heuristic: "People by need", neural: "Trained policy" };
const behaviorName = (film) => film.label ?? BEHAVIORS[film.behavior] + (film.policy ? ` ${film.policy.slice(0, 8)}` : "");

// Short names of what is drawn on the map.
const SHORT = {
  ghost_step: "holds it, unused", push_in: "pushes in", overstay: "will not go", contested_arrival: "there at once",
  hand_over: "hands over", yield: "after you", avoidance: "avoids a rival",
};

function sentence(film, event) {
  const who = event.actor >= 0 ? personName(film, event.actor, Math.max(event.tick - 1, 0)) : "";
  const other = event.rival >= 0 ? personName(film, event.rival, Math.max(event.tick - 1, 0)) : "";
  const thing = event.thing >= 0 ? objectName(film, event.thing) : "";
  const use = event.detail >= 0 && event.detail < film.uses.length ? spaced(film.uses[event.detail][0]) : "";
  const ticks = some(event.detail, "tick");
  switch (event.kind) {
    case "ghost_step": return `${who} holds ${thing} unused while ${other} waits, and is sent to the back`;
    case "push_in": return `${who} pushes in before ${other} at ${thing}`;
    case "overstay": return `${who} goes on using ${thing} while ${other} waits`;
    case "contested_arrival": return `${who} comes to ${thing} in the same tick as ${other}, and is put first`;
    case "hand_over": return `${who} hands ${thing} over to ${other}`;
    case "yield": return `${who} lets ${other} go first at ${thing}`;
    case "avoidance": return `${who} leaves ${thing} because ${other} is there`;
    case "use_completed": return `${who} is done: ${use} at ${thing}`;
    case "use_interrupted": return `${who} is interrupted: ${use} at ${thing}`;
    case "on_time_arrival": return `${who} comes to work on time`;
    case "late_arrival": return `${who} comes to work ${ticks} late`;
    case "absence": return `${who} does not come to work`;
    case "faint": return `${who} faints and leaves`;
    case "eviction": return `${who} is evicted`;
    case "departure": return `${who} moves away`;
    case "newcomer": return `${personName(film, event.actor, event.tick)} comes to town`;
    case "impatience": return `${who} has waited ${ticks} for ${thing} and resents it` + (other ? `: ${other} has it` : "");
    case "chat_success": return `${who} and ${other} have a good chat`;
    case "chat_failure": return `${who} and ${other} chat, but do not get on`;
    case "shared_meal": return `${who} and ${other} share a meal`;
    case "late_help": return `${who} helps ${other}, who is late for work`;
    case "shift_takeover": return `${who} takes over the shift of ${other}`;
    case "power_outage": return `The power is off for ${ticks}`;
    case "water_outage": return `The water is off for ${ticks}`;
    case "price_spike": return `Prices are raised for ${ticks}`;
    case "closure": return `${thing.replace(/^t/, "T")} is closed for ${ticks}`;
    default: return `${spaced(event.kind)} ${[who, other, thing].filter(Boolean).join(", ")}`;
  }
}

// The same for a card, where there is little room.
function doingBriefly(film, a, t) {
  const role = film.alive(a, t) ? film.role(a, t) : ROLE.idle, type = spaced(film.objects[film.thing(a, t)]?.[1] ?? "");
  if (role === ROLE.waiting) return `${ordinal(film.get("place", a, t) + 1)} in line, ${some(film.get("waited", a, t), "tick")}`;
  if (role === ROLE.holding) return `has the ${type}, unused`;
  if (role === ROLE.using) return `${spaced(film.uses[film.get("use", a, t)]?.[0] ?? "")}, ${some(film.get("left", a, t), "tick")} left`;
  return doing(film, a, t);
}

// What a person is at.
function doing(film, a, t) {
  if (!film.alive(a, t)) return "not in town";
  const role = film.role(a, t), thing = film.thing(a, t);
  if (role === ROLE.waiting) {
    return `${ordinal(film.get("place", a, t) + 1)} in line for ${objectName(film, thing)}, ${some(film.get("waited", a, t), "tick")}`;
  }
  if (role === ROLE.holding) return `has ${objectName(film, thing)} and does not use it`;
  if (role === ROLE.finished) return `is done with ${objectName(film, thing)}`;
  if (role === ROLE.using) {
    const [use, ticks] = film.uses[film.get("use", a, t)] ?? ["", 0];
    return `${spaced(use)} at ${objectName(film, thing)}, ${ticks - film.get("left", a, t)} of ${some(ticks, "tick")}`;
  }
  const action = film.actions[film.get("action", a, t)];
  if (action === "wait") return "waits";
  if (action.startsWith("move_")) return `walks ${action.slice(5)}`;
  if (action.startsWith("request_")) return `goes for a ${spaced(action.slice(8))}`;
  return { leave_queue: "leaves the queue", yield: "gives way", push_in: "pushes in" }[action] ?? `${spaced(action)}s`;
}

const NEEDS = ["hunger", "hygiene", "energy"];
const percent = (share) => `${Math.round(100 * share)} %`;
const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(3);
