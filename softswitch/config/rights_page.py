"""Makes `docs/rights.md` from the acts and the roles: `python -m softswitch.config.rights_page > docs/rights.md`."""

import sys

from softswitch.config.acts import MEANING, Act
from softswitch.config.rights import ROLES, Role

CELLS = {"all": "all", "teams": "teams", "self": "self"}
NONE = "–"
_HEAD = """# Who may do what

Made by `python -m softswitch.config.rights_page`; do not edit.

Nobody may do anything until the configuration says so, with two exceptions: the user that the switch runs as, and root, are
administrators on the control socket; and an agent may do with himself, from his own phone, what the role `agent` allows.

```toml
[team.front]
agents = ["ana", "kate"]
queues = ["sales"]

[person.maria]
role = "supervisor"
teams = ["front"]            # over whom the role holds; single queues: queues = ["support"]
unix_users = ["maria"]       # her user of this machine, on the control socket
token_sha256 = "…"           # her token over HTTP: `softswitch rights token`
endpoints = ["1009"]         # her phone
pin = "4711"                 # behind the feature codes, after a *
```

| who asks | is known by |
|---|---|
| the command line | its user, as the kernel says (SO_PEERCRED); or a token by `--token-file`, `$SOFTSWITCH_TOKEN_FILE` |
| HTTP at `events.listen` | a token, `Authorization: Bearer`; or the secret of `[events]`, with the rights of its `person` |
| a phone | its digest or address: the person of that phone, or whose `agent` is logged in there; and his `pin` |
| the manager interface, webhooks | the `person` of `[ami]` and `[webhook.NAME]`; without one they show everything |
| a signal (SIGHUP, SIGTERM) | nobody: the trail says `signal` |

`general.control_group` lets users who are not the owner open the control socket. Give it a folder of its own that they may
enter, `general.control_socket = "/run/softswitch/control.sock"`: the state folder holds the database and the recordings.
Whoever has no `[person]` may then ask who he is, and nothing else.

## What each role may

`all`: with everything there is. `teams`: with agents, callers, calls, recordings and reports of his teams and queues, and
with himself. `self`: with himself and the calls that he serves; he sees the queues that he serves. A call belongs to its
queue, and one that was in none to the agents who talk. What belongs to no team (the switch, message boxes, conferences,
reports over everything) takes `all`.

Lists (calls, agents, queues, recordings, CDRs, reports by queue, agent or team, events) are shown without what one may not
see; CDRs and recordings are looked for among the 10,000 newest then. A refusal names the right that is missing, ends the
command line with status 4, and is written to the audit trail.
"""
_TAIL = """
A table `[role.NAME]` makes a role, or replaces one of these: `may = ["queue.read", "agent.*", "spy.listen"]` and
`reach = "teams"`. Changes of roles and persons are in force from the next `softswitch reload`, for those who follow events
too; who follows by a token that was changed sees nothing more. `softswitch whoami` shows one's own rights,
`softswitch rights list` this table.

Agents are seated at phones where nobody sits, but not at one that is in the `endpoints` of somebody else. An agent who is a
person with more rights than over himself, and has no `pin`, is seated elsewhere by himself or by who may all: whoever has
that phone acts in his name.

Listening to calls is also allowed by `supervises` of a phone or an agent, which names queues; it gives all modes, and is
written to the trail alike. Picking up, parking and transferring by the keys of a phone are no acts of people in charge:
`pickup_groups`, and serving the call, say who may.

## By phone

| code | dialled | act |
|---|---|---|
| `*15` | agent | `spy.listen`; keys 4, 5, 6, 9 while listening: listen, whisper, barge, take over |
| `*16` `*17` `*18` `*19` | agent | `agent.login`, `agent.logout`, `agent.pause`, `agent.resume` |
| `*20` | number of a queue | `call.pull`: the caller who is next |
| `*21` | number of a queue, `*`, number of another | `call.move` of the caller who is next, needed for both |

Whoever has a `pin` dials `*` and the pin behind it: `*18102*4711`. After six wrong ones within a quarter of an hour his
codes are refused until that time is over; so are PINs of agents at a phone where six wrong ones were dialled. What follows
a code is written neither into CDRs nor into traces once anybody has a pin.

## The audit trail

`softswitch audit list` shows a row for each act, allowed or not: when, who, with what role, from where, what, on whom, what
came of it and why; `--who`, `--act agent.*`, `--on agent:ana`, `--result refused`, `--since 2h`, `--json`. Whoever is
answered has the row on disk, unless the disk takes longer than 50 ms. The table takes new rows only: the database itself
refuses to change or delete one, so that no act, and no fault of the switch, alters what was written. Refusals of mere
looking are written once a minute for the same person and thing; looking that was allowed is not written. Of one person's
refusals a hundred are written at once and then ten a minute; the next row says how many were not.
"""


def page() -> str:
    lines = [_HEAD, "| act | " + " | ".join(ROLES) + " | means |", "|---" * (len(ROLES) + 2) + "|"]
    for act in Act:
        cells = " | ".join(_cell(role, act) for role in ROLES.values())
        lines.append(f"| `{act.value}` | {cells} | {MEANING[act]} |")
    return "\n".join([*lines, _TAIL])


def _cell(role: Role, act: Act) -> str:
    return CELLS[role.reach] if role.allows(act) else NONE


if __name__ == "__main__":
    sys.stdout.write(page())
