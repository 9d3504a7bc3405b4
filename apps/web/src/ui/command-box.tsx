import classes from './command-box.module.css';
import { CopyButton } from './copy-button.tsx';

/** A command to read and to copy, an option per line where the shell text has them so. */
export function CommandBox({ shell, copyLabel }: { shell: string; copyLabel?: string }) {
  return (
    <div className={classes.box}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling text must be reachable by keyboard */}
      <pre className={classes.command} tabIndex={0}>
        {shell}
      </pre>
      <CopyButton text={shell} {...(copyLabel ? { label: copyLabel } : {})} />
    </div>
  );
}
