import { words } from '../../lib/words.ts';
import classes from './logo.module.css';

export function Logo() {
  return (
    <span className={classes.logo}>
      <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true" className={classes.mark}>
        <path fill="#e0a458" d="M0 0h32v9H0z" />
        <path fill="#c98a4b" d="M0 9h32v7H0z" />
        <path fill="#8a5a3c" d="M0 16h32v7H0z" />
        <path fill="#6b7785" d="M0 23h32v9H0z" />
      </svg>
      {words.frame.product}
    </span>
  );
}
