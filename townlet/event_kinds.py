"""Names of events: worlds record an event's kind by number, and captures hold it by name.

They stand here, below the town, so that a reader of captures needs none of its rules.
"""

#: Names of the event kinds, by number; the first four are the queue conflicts.
EVENT_KINDS = (
    "ghost_step",
    "push_in",
    "overstay",
    "contested_arrival",
    "hand_over",
    "yield",
    "avoidance",
    "use_completed",
    "on_time_arrival",
    "late_arrival",
    "absence",
    "faint",
    "newcomer",
    "use_interrupted",
    "impatience",
    "chat_success",
    "chat_failure",
    "shared_meal",
    "late_help",
    "shift_takeover",
    "power_outage",
    "water_outage",
    "price_spike",
    "closure",
    "eviction",
    "departure",
)
