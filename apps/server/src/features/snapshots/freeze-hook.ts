import type { OperationContext } from '../operations/operations.types.ts';
import { type QuiesceDeps, thawGuest, whileFrozen } from './quiesce.ts';

/** What an operation that freezes a guest remembers. */
export interface FreezeJournal {
  /** Written down before the guest is asked, and taken back when it has confirmed that it goes on. */
  readonly mayBeFrozen?: boolean;
  readonly consistency?: 'crash' | 'frozen';
}
export interface FreezeRun {
  readonly vmId: string;
  readonly quiesce?: boolean;
}
type Context<Run extends FreezeRun, Journal extends FreezeJournal> = Pick<
  OperationContext<Run, Journal>,
  'request' | 'journal' | 'resumed' | 'save' | 'recovered'
>;

const stillFrozen =
  'The guest did not confirm that its file systems go on. If its programs hang, reset it; look at its agent first.';

/** Switches the disks, with frozen file systems when that was wished for. A run that was killed has gone past that. */
export const switchFrozen = async <Run extends FreezeRun, Journal extends FreezeJournal>(
  deps: QuiesceDeps,
  context: Context<Run, Journal>,
  work: () => Promise<void>,
): Promise<void> => {
  const { vmId, quiesce = false } = context.request;
  if (!quiesce || context.resumed) return work();
  const note = (): void => context.save({ ...context.journal, mayBeFrozen: true });
  const { consistency, reason, mayBeFrozen } = await whileFrozen(deps, vmId, note, work);
  context.save({ ...context.journal, mayBeFrozen, consistency });
  if (reason !== null)
    context.recovered(
      `The file systems were not frozen: ${reason}. What the snapshot shows is crash-consistent.`,
    );
  if (mayBeFrozen) context.recovered(stillFrozen);
};

/** First of all after a crash: the guest has waited long enough. */
export const letGo = async <Run extends FreezeRun, Journal extends FreezeJournal>(
  deps: QuiesceDeps,
  context: Context<Run, Journal>,
): Promise<void> => {
  if (!context.resumed || context.journal.mayBeFrozen !== true) return;
  const thawed = await thawGuest(deps, context.request.vmId);
  if (thawed !== null) context.save({ ...context.journal, mayBeFrozen: false });
  if (thawed !== 0)
    context.recovered(thawed === null ? stillFrozen : 'The file systems of the guest go on again.');
};
