import { depthWarning, maxDepth } from '@strata/backing-chain';
import type { Problem } from '@strata/contract';
import { fileKey, type ImageRecord } from './image-record.ts';
import type { Library, ResolvedBacking } from './library.ts';

export type BackingState = 'none' | 'ok' | 'missing' | 'foreign' | 'cycle';

export interface Relation {
  readonly backingId: string | null;
  readonly state: BackingState;
  readonly backingPath: string | null;
  /** Of this image alone; what is wrong below it is told by `chain-broken`. */
  readonly problems: readonly Problem[];
}

interface Link {
  backingId: string | null;
  state: BackingState;
  backingPath: string | null;
  problems: Problem[];
}

const outside = (path: string, resolved: ResolvedBacking): Problem =>
  resolved.regular
    ? {
        code: 'backing-outside',
        message: `Its backing file ${path} is not in the library.`,
        repair: 'Register that file, or the folder it lies in.',
      }
    : { code: 'unsafe', message: `Its backing file ${path} is not a regular file. Strata does not open it.` };

const formatProblem = (record: ImageRecord, backing: ImageRecord): Problem | null => {
  const recorded = record.facts.backing?.format ?? null;
  const driver = backing.format === 'iso' ? 'raw' : backing.format;
  if (recorded === null) {
    return {
      code: 'backing-format-missing',
      message: 'Its header does not tell the format of its backing file, so QEMU would have to guess.',
      repair: `qemu-img rebase -u -f qcow2 -b '${record.facts.backing?.string ?? ''}' -F ${driver} ${record.path}`,
    };
  }
  if (recorded === driver) return null;
  return {
    code: 'backing-format-wrong',
    message: `Its header says that its backing file is ${recorded}, but that is ${driver}.`,
  };
};

const link = (record: ImageRecord, library: Library, byKey: ReadonlyMap<string, ImageRecord>): Link => {
  const resolved = library.backingOf(record.id);
  const none: Link = { backingId: null, state: 'none', backingPath: null, problems: [] };
  if (record.facts.backing === null || resolved === undefined) return none;
  const { target, key } = resolved;
  // A foreign string is one of the flaws of the header already.
  if (target.kind === 'foreign')
    return { ...none, state: 'foreign', backingPath: record.facts.backing.string };
  const backing = key === null ? library.byPath(target.path) : byKey.get(key);
  const found = { backingId: backing?.id ?? null, backingPath: target.path };
  if (key === null) {
    const message = `Its backing file ${target.path} is missing.`;
    const repair = 'Put the file back, or point the overlay to where it is now.';
    return { ...found, state: 'missing', problems: [{ code: 'backing-missing', message, repair }] };
  }
  if (backing === undefined)
    return { ...found, state: 'foreign', problems: [outside(target.path, resolved)] };
  const problem = formatProblem(record, backing);
  return { ...found, state: 'ok', problems: problem === null ? [] : [problem] };
};

/** Each image has at most one backing: a walk down meets itself, or ends. */
const markCycles = (links: ReadonlyMap<string, Link>): void => {
  const done = new Set<string>();
  for (const start of links.keys()) {
    const walked = new Set<string>();
    let at: string | null = start;
    while (at !== null && !done.has(at) && !walked.has(at)) {
      walked.add(at);
      const next: Link | undefined = links.get(at);
      at = next?.state === 'ok' ? next.backingId : null;
    }
    if (at !== null && walked.has(at)) {
      const ring = [...walked].slice([...walked].indexOf(at));
      for (const id of ring) {
        const member = links.get(id);
        if (member === undefined) continue;
        member.state = 'cycle';
        const message = 'It stands on itself: its backing files lead in a circle.';
        member.problems.push({
          code: 'backing-cycle',
          message,
          repair: 'Cut one of its links: Repair… in the library shows which.',
        });
      }
    }
    for (const id of walked) done.add(id);
  }
};

/** What is wrong somewhere below, and how deep the chain is. Filled from the bottom up, each image once. */
const judgeChains = (links: ReadonlyMap<string, Link>, library: Library): void => {
  const verdicts = new Map<string, { depth: number; broken: string | null }>();
  for (const start of links.keys()) {
    const stack: string[] = [];
    for (let at: string | null = start; at !== null && !verdicts.has(at); ) {
      stack.push(at);
      const own: Link | undefined = links.get(at);
      at = own?.state === 'ok' && stack.length <= links.size ? own.backingId : null;
    }
    for (const id of stack.reverse()) {
      const own = links.get(id);
      const record = library.get(id);
      if (own === undefined || record === undefined) continue;
      const below = own.state === 'ok' && own.backingId !== null ? verdicts.get(own.backingId) : undefined;
      const depth = (below?.depth ?? 0) + 1;
      const broken = below?.broken ?? null;
      if (broken !== null) {
        own.problems.push({ code: 'chain-broken', message: `The chain below it is broken at “${broken}”.` });
      }
      if (depthWarning(depth) !== 'none') {
        const message = `The chain has ${depth} layers (at most ${maxDepth}): every read goes through all of them.`;
        own.problems.push({
          code: 'chain-deep',
          message,
          repair: 'Commit or pull layers to make it shorter.',
        });
      }
      const fails = own.state === 'missing' || own.state === 'foreign' || own.state === 'cycle';
      const unusable = fails || record.facts.flaws.length > 0 || !record.present;
      verdicts.set(id, { depth, broken: broken ?? (unusable ? record.name : null) });
    }
  }
};

/** How all images stand on each other, from what their headers say and where that leads. */
export const relate = (library: Library): ReadonlyMap<string, Relation> => {
  const byKey = new Map<string, ImageRecord>();
  for (const record of library.all()) if (record.present) byKey.set(fileKey(record.identity), record);
  const links = new Map<string, Link>();
  for (const record of library.all()) links.set(record.id, link(record, library, byKey));
  markCycles(links);
  judgeChains(links, library);
  return links;
};
