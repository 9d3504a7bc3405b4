import type { ReactNode } from 'react';
import { useDocumentTitle } from '../lib/use-document-title.ts';
import classes from './page.module.css';

interface PageProps {
  title: string;
  /** Beside the title: a badge, facts. */
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** The head and the body of a page. */
export function Page({ title, aside, actions, children }: PageProps) {
  useDocumentTitle(title);
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <h1 className={classes.title}>{title}</h1>
        {aside ? <div className={classes.aside}>{aside}</div> : null}
        {actions ? <div className={classes.actions}>{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

/** A bordered part of a page with a heading of its own. */
export function Panel({
  title,
  actions,
  children,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={classes.panel}>
      {title || actions ? (
        <header className={classes.panelHead}>
          <h2 className={classes.panelTitle}>{title}</h2>
          {actions}
        </header>
      ) : null}
      {children}
    </section>
  );
}
