interface Waiting<Key, Answer> {
  readonly key: Key;
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/**
 * Questions that are asked before the work on the last ones has begun are answered by one piece of work. `answer` tells each
 * its own answer, or why there is none.
 */
export const gathered = <Key, Answer>(
  begin: (work: () => Promise<void>) => Promise<void>,
  prepare: (keys: readonly Key[]) => Promise<void>,
  answer: (key: Key) => Answer,
): ((key: Key) => Promise<Answer>) => {
  let waiting: Waiting<Key, Answer>[] = [];
  const work = async (): Promise<void> => {
    const asked = waiting;
    waiting = [];
    try {
      await prepare(asked.map(({ key }) => key));
    } catch (error) {
      for (const { reject } of asked) reject(error);
      return;
    }
    for (const { key, resolve, reject } of asked)
      try {
        resolve(answer(key));
      } catch (error) {
        reject(error);
      }
  };
  return (key) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      if (waiting.length === 1) begin(work).catch(reject);
    });
};
