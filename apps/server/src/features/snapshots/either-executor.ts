import type { Executor, OperationContext } from '../operations/operations.types.ts';

/** One kind of operation that is carried out in two ways; its request says in which. */
export const eitherExecutor = <One, OneJournal, Other, OtherJournal>(
  one: Executor<One, OneJournal>,
  other: Executor<Other, OtherJournal>,
  isOther: (request: One | Other) => request is Other,
): Executor<One | Other, OneJournal | OtherJournal> => ({
  kind: one.kind,
  // The journals have no phase in common that says so.
  standsStill: (journal) =>
    one.standsStill?.(journal as OneJournal) === true ||
    other.standsStill?.(journal as OtherJournal) === true,
  making: (request, journal) =>
    (isOther(request)
      ? other.making?.(request, journal as OtherJournal)
      : one.making?.(request, journal as OneJournal)) ?? [],
  run: (context) =>
    isOther(context.request)
      ? other.run(context as unknown as OperationContext<Other, OtherJournal>)
      : one.run(context as unknown as OperationContext<One, OneJournal>),
});
