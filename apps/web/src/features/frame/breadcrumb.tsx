import { useQuery } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { vmsQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import classes from './breadcrumb.module.css';

export function Breadcrumb() {
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const [section, second] = pathname.split('/').filter(Boolean);
  const name = useLastName(section, second);
  return (
    <nav aria-label={words.frame.breadcrumb} className={classes.breadcrumb}>
      {name === null ? (
        <span aria-current="page" className={classes.here}>
          {sectionName(section)}
        </span>
      ) : (
        <>
          <Link to={section === 'library' ? '/library' : '/vms'} className={classes.up}>
            {sectionName(section)}
          </Link>
          <span aria-hidden className={classes.slash}>
            /
          </span>
          <span aria-current="page" className={classes.here} title={name}>
            {name}
          </span>
        </>
      )}
    </nav>
  );
}

/** What stands behind the section: a VM or an image by its name. Null on the page of the section itself. */
function useLastName(section: string | undefined, id: string | undefined): string | null {
  const vms = useQuery(vmsQuery());
  const nameOf = useImageNames();
  if (id === undefined) return null;
  if (section === 'library') return nameOf({ id, name: id });
  if (section !== 'vms') return null;
  return id === 'new' ? words.frame.newVm : (vms.data?.items.find((vm) => vm.id === id)?.name ?? id);
}

function sectionName(section: string | undefined): string {
  const names: Record<string, string> = {
    vms: words.frame.vms,
    library: words.frame.library,
    space: words.frame.space,
    operations: words.frame.operations,
    host: words.frame.host,
  };
  return names[section ?? ''] ?? words.frame.product;
}
