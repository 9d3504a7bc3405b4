import type { ReactNode } from 'react';
import classes from './sticky-bar.module.css';

interface StickyBarProps {
  label: string;
  name: ReactNode;
  /** What can be done with it. */
  children: ReactNode;
}

/** Where a view has one column: what is selected stays at hand, with the way to what stands below. */
export const StickyBar = ({ label, name, children }: StickyBarProps) => (
  <section className={classes.bar} aria-label={label}>
    <span className={classes.name}>{name}</span>
    {children}
  </section>
);
