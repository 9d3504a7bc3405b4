import { maxDepth } from '@strata/backing-chain';
import { AppError } from '../../app-error.ts';
import type { ImageRecord } from './image-record.ts';
import type { Relation } from './image-relations.ts';
import type { ImageWorld } from './image-world.ts';

const refuse = (record: ImageRecord, why: string): AppError =>
  new AppError('image-refused', `“${record.name}” (${record.path}) is not opened: ${why}`);

const unreadable = (record: ImageRecord, why: string): AppError =>
  new AppError('image-unreadable', `“${record.name}” (${record.path}) cannot be used: ${why}`);

const messageOf = (relation: Relation, ...codes: string[]): string | null =>
  relation.problems.find(({ code }) => codes.includes(code))?.message ?? null;

const checkMember = (record: ImageRecord, relation: Relation, world: ImageWorld): void => {
  if (!record.present) throw unreadable(record, 'the file is gone or cannot be read.');
  const [flaw] = record.facts.flaws;
  if (flaw !== undefined) throw refuse(record, flaw.message);
  const broken = messageOf(relation, 'backing-missing', 'backing-outside', 'backing-cycle', 'unsafe');
  if (relation.state !== 'none' && relation.state !== 'ok') {
    throw unreadable(record, broken ?? 'its backing file cannot be followed.');
  }
  const wrong = messageOf(relation, 'backing-format-wrong');
  if (wrong !== null) throw refuse(record, wrong);
  const backing = relation.backingId === null ? null : world.record(relation.backingId);
  // Without a recorded format QEMU probes, and a raw disk begins with whatever its guest wrote (CVE-2010-2237).
  const guessed = backing?.format === 'raw' || backing?.format === 'iso';
  if (guessed && record.facts.backing?.format == null) {
    throw refuse(
      record,
      messageOf(relation, 'backing-format-missing') ?? 'its backing format is not recorded.',
    );
  }
};

/**
 * The members of a chain, top first, after every one was approved: whole, sound, with settled formats. This is the
 * gate before QEMU opens anything, so it throws at the first member that is not.
 */
export const approvedChain = (world: ImageWorld, id: string): ImageRecord[] => {
  const members: ImageRecord[] = [];
  for (let at: string | null = id; at !== null; ) {
    const record = world.record(at);
    const relation = world.relation(at);
    checkMember(record, relation, world);
    members.push(record);
    if (members.length > maxDepth) throw refuse(record, `the chain has more than ${maxDepth} layers.`);
    at = relation.backingId;
  }
  return members;
};

/** As far down as the chain can be followed, for showing. */
export const visibleChain = (world: ImageWorld, id: string): string[] => {
  const members: string[] = [];
  for (let at: string | null = world.record(id).id; at !== null && !members.includes(at); ) {
    members.push(at);
    at = world.relation(at).backingId;
  }
  return members;
};
