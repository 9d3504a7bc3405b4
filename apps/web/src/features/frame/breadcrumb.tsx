import { useQuery } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import classes from './breadcrumb.module.css';

export function Breadcrumb() {
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const [section, second] = pathname.split('/').filter(Boolean);
  const vms = useQuery(vmsQuery());
  const name =
    section !== 'vms' || second === undefined
      ? null
      : second === 'new'
        ? words.frame.newVm
        : (vms.data?.items.find((vm) => vm.id === second)?.name ?? second);
  return (
    <nav aria-label={words.frame.breadcrumb} className={classes.breadcrumb}>
      {name === null ? (
        <span aria-current="page" className={classes.here}>
          {sectionName(section)}
        </span>
      ) : (
        <>
          <Link to="/vms" className={classes.up}>
            {words.frame.vms}
          </Link>
          <span aria-hidden className={classes.slash}>
            /
          </span>
          <span aria-current="page" className={classes.here}>
            {name}
          </span>
        </>
      )}
    </nav>
  );
}

function sectionName(section: string | undefined): string {
  const names: Record<string, string> = {
    vms: words.frame.vms,
    library: words.frame.library,
    operations: words.frame.operations,
    host: words.frame.host,
  };
  return names[section ?? ''] ?? words.frame.product;
}
