import { nameParts, visibleName } from '../lib/visible-text.ts';
import classes from './foreign-name.module.css';

/** A name that a stranger wrote: only ever text, in one line that cannot be broken, with nothing in it invisible. */
export function ForeignName({ name, className }: { name: string; className?: string | undefined }) {
  let at = 0;
  return (
    <bdi className={className} title={visibleName(name)}>
      {nameParts(name).map(({ text, isMark }) => {
        at += text.length;
        return isMark ? (
          <span key={at} className={classes.mark}>
            {text}
          </span>
        ) : (
          text
        );
      })}
    </bdi>
  );
}
