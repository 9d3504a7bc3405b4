/** One line of progress for the person at the terminal. On stderr, so that stdout carries only the ready line. */
export const say = (text) => {
  process.stderr.write(`strata: ${text}\n`);
};
