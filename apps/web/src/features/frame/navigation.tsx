import {
  IconChartPie,
  IconDatabase,
  IconDeviceDesktop,
  IconPlus,
  IconServer2,
  IconTimeline,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { hostQuery, imagesQuery, operationsQuery, vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { StateDot } from '../../ui/state-dot.tsx';
import { ColorSchemeSwitch } from './color-scheme-switch.tsx';
import { Logo } from './logo.tsx';
import classes from './navigation.module.css';

const unfinished = new Set(['queued', 'running', 'paused', 'finishing']);

export function Navigation({ withLogo = true }: { withLogo?: boolean }) {
  const vms = useQuery(vmsQuery());
  const images = useQuery(imagesQuery());
  const operations = useQuery(operationsQuery());
  const host = useQuery(hostQuery());
  const running = operations.data?.items.filter((each) => unfinished.has(each.state)).length;
  const sorted = [...(vms.data?.items ?? [])].sort((a, b) =>
    a.name.localeCompare(b.name, undefined, { numeric: true }),
  );
  return (
    <nav className={classes.navigation} aria-label={words.frame.navigation}>
      {withLogo ? (
        <div className={classes.logo}>
          <Logo />
        </div>
      ) : null}
      <div className={classes.section}>
        <NavLink to="/vms" icon={<IconDeviceDesktop size={16} />} count={vms.data?.total} exact>
          {words.frame.vms}
        </NavLink>
        <Link to="/vms/new" className={classes.add} aria-label={words.frame.newVm} title={words.frame.newVm}>
          <IconPlus size={16} aria-hidden />
        </Link>
      </div>
      <ul className={classes.vms}>
        {sorted.map((vm) => (
          <li key={vm.id}>
            <Link to="/vms/$vmId" params={{ vmId: vm.id }} className={classes.vm}>
              <StateDot state={vm.state} />
              <span className={classes.name}>{vm.name}</span>
            </Link>
          </li>
        ))}
      </ul>
      <div className={classes.rest}>
        <NavLink to="/library" icon={<IconDatabase size={16} />} count={images.data?.total}>
          {words.frame.library}
        </NavLink>
        <NavLink to="/space" icon={<IconChartPie size={16} />}>
          {words.frame.space}
        </NavLink>
        <NavLink to="/operations" icon={<IconTimeline size={16} />} count={running || undefined}>
          {words.frame.operations}
        </NavLink>
        <NavLink
          to="/host"
          icon={<IconServer2 size={16} />}
          note={host.data ? (host.data.accelerators.kvm.usable ? 'KVM' : 'TCG') : undefined}
        >
          {words.frame.host}
        </NavLink>
        <ColorSchemeSwitch />
      </div>
    </nav>
  );
}

interface NavLinkProps {
  to: '/vms' | '/library' | '/space' | '/operations' | '/host';
  icon: ReactNode;
  count?: number | undefined;
  note?: string | undefined;
  exact?: boolean;
  children: ReactNode;
}

function NavLink({ to, icon, count, note, exact = false, children }: NavLinkProps) {
  return (
    <Link to={to} className={classes.link} activeOptions={{ exact }}>
      <span className={classes.icon} aria-hidden>
        {icon}
      </span>
      <span className={classes.name}>{children}</span>
      <span className={classes.count}>{count ?? note}</span>
    </Link>
  );
}
