/**
 * A timeline and its snapshots find each other by the timeline's model id, whichever is made first:
 * a page that is loaded again during training gets new snapshots before it has the timeline back,
 * and a widget that refers to one that is not there yet holds up all messages behind it.
 */
export interface Host<Guest> {
  /** Take guests in, those that waited or one that has just come. */
  join(guests: readonly Guest[]): void;
  leave(guest: Guest): void;
}

interface Meeting {
  host: Host<unknown> | undefined;
  readonly waiting: Set<unknown>;
}

/** By widget manager: a kernel's widgets have the same ids in every notebook that shows them. */
const meetings = new WeakMap<object, Map<string, Meeting>>();
const NOWHERE = {};

function meetingOf(manager: object | undefined, id: string): Meeting {
  const key = manager ?? NOWHERE;
  const all = meetings.get(key) ?? new Map<string, Meeting>();
  meetings.set(key, all);
  const found = all.get(id) ?? { host: undefined, waiting: new Set() };
  all.set(id, found);
  return found;
}

/** Let a host have those that wait for it, and those that come. */
export function open<Guest>(manager: object | undefined, id: string, host: Host<Guest>): void {
  const meeting = meetingOf(manager, id);
  meeting.host = host as Host<unknown>;
  const waiting = [...meeting.waiting] as Guest[];
  meeting.waiting.clear();
  if (waiting.length > 0) {
    host.join(waiting);
  }
}

export function close(manager: object | undefined, id: string): void {
  meetings.get(manager ?? NOWHERE)?.delete(id);
}

/** Join a host now, or as soon as it is there. */
export function join(manager: object | undefined, id: string, guest: unknown): void {
  const { host, waiting } = meetingOf(manager, id);
  if (host === undefined) {
    waiting.add(guest);
  } else {
    host.join([guest]);
  }
}

export function leave(manager: object | undefined, id: string, guest: unknown): void {
  const meeting = meetings.get(manager ?? NOWHERE)?.get(id);
  meeting?.waiting.delete(guest);
  meeting?.host?.leave(guest);
}
