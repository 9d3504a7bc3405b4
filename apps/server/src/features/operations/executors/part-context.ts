import type { OperationContext } from '../operations.types.ts';

interface Parts {
  readonly parts: readonly unknown[];
}

/**
 * A part of an operation as the executor of its kind knows it: its own id (of job and daemon), its own journal, its own
 * share of the bar, one step of the whole. `bytes`: what each part moves.
 */
export const partContext = <Request, Journal>(
  context: OperationContext<unknown, Parts>,
  {
    index,
    firstStep = 0,
    request,
    bytes,
  }: {
    readonly index: number;
    /** Of the whole: where the steps of the parts begin. */
    readonly firstStep?: number;
    readonly request: Request;
    readonly bytes: readonly number[];
  },
): OperationContext<Request, Journal> => {
  const sum = (some: readonly number[]): number => some.reduce((all, each) => all + each, 0);
  const before = sum(bytes.slice(0, index));
  const save = (journal: Journal, alongside?: () => void): void =>
    context.save(
      {
        ...context.journal,
        parts: context.journal.parts.map((other, at) => (at === index ? journal : other)),
      },
      alongside,
    );
  return {
    ...context,
    id: `${context.id}-${index}`,
    request,
    get journal() {
      const journal = context.journal.parts[index];
      if (journal === undefined) throw new Error('incomplete journal');
      return journal as Journal;
    },
    get ending() {
      return context.ending;
    },
    save,
    // A part that is done is not the whole.
    conclude: (journal, _result, alongside) => save(journal, alongside),
    step: () => context.step(firstStep + index),
    progress: (done, total, front) =>
      context.progress(before + (total > 0 ? (done / total) * (bytes[index] ?? 0) : 0), sum(bytes), front),
    // Between two parts it can still be cancelled.
    finishing: () => {
      if (index === bytes.length - 1) context.finishing();
    },
    // What is half changed is known by the operation, not by its part.
    taints: {
      ...context.taints,
      add: (layers) => context.taints.add(layers.map((layer) => ({ ...layer, operationId: context.id }))),
    },
  };
};
