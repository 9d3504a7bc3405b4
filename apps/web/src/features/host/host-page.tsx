import { Button } from '@mantine/core';
import type { Host } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { setToken } from '../../api/access.ts';
import { hostQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { HostDevices } from '../devices/host-devices.tsx';
import { Accelerators } from './accelerators.tsx';
import classes from './host-page.module.css';
import { HostProblems } from './host-problems.tsx';
import { StorageBars } from './storage-bars.tsx';
import { ToolTable } from './tool-table.tsx';

export function HostPage() {
  const host = useQuery(hostQuery());
  return (
    <Page title={words.host.title}>
      <ErrorNotice error={host.data ? null : host.error} onRetry={() => void host.refetch()} />
      {host.isPending ? <RowSkeletons count={5} height={70} /> : null}
      {host.data ? <HostFacts host={host.data} /> : null}
    </Page>
  );
}

function HostFacts({ host }: { host: Host }) {
  const text = words.host;
  return (
    <>
      <HostProblems problems={host.problems} />
      <div className={classes.columns}>
        <div className={classes.column}>
          <Panel title={text.accelerators}>
            <Accelerators accelerators={host.accelerators} />
          </Panel>
          <Panel title={text.storage}>
            <StorageBars storage={host.storage} />
          </Panel>
          <Panel title={words.devices.host.title}>
            <HostDevices />
          </Panel>
          <Panel title={text.strata}>
            <dl className={classes.facts}>
              <dt>{text.version}</dt>
              <dd>{host.version}</dd>
              <dt>{text.cpuCount}</dt>
              <dd>{host.cpuCount}</dd>
              <dt>{text.memory}</dt>
              <dd>
                <Bytes value={host.memory.free} /> {text.freeOf} <Bytes value={host.memory.total} />
              </dd>
              <dt>{text.dataDir}</dt>
              <dd>
                <code>{host.dataDir}</code>
              </dd>
              <dt>{text.runDir}</dt>
              <dd>
                <code>{host.runDir}</code>
              </dd>
            </dl>
            <Button
              size="xs"
              variant="default"
              mt="sm"
              title={text.signOutHint}
              onClick={() => setToken(null)}
            >
              {words.frame.signOut}
            </Button>
          </Panel>
        </div>
        <div className={classes.column}>
          <Panel title={text.qemu}>
            <QemuFacts qemu={host.qemu} />
          </Panel>
          <Panel title={text.tools}>
            <ToolTable tools={host.tools} />
          </Panel>
        </div>
      </div>
    </>
  );
}

function QemuFacts({ qemu }: { qemu: Host['qemu'] }) {
  const text = words.host;
  if (qemu.version === null) return <p className={classes.bad}>{text.noQemu}</p>;
  return (
    <dl className={classes.facts}>
      <dt>{text.version}</dt>
      <dd>{qemu.version}</dd>
      <dt>{text.targets}</dt>
      <dd>
        <ul className={classes.plain}>
          {qemu.targets.map((target) => (
            <li key={target.arch}>
              <strong>{target.arch}</strong>{' '}
              <span className={classes.muted}>
                {text.machines(target.machines.length)}, {text.cpus(target.cpus.length)}
              </span>
              <div className={classes.muted}>
                <code>{target.binary}</code>
              </div>
            </li>
          ))}
        </ul>
      </dd>
    </dl>
  );
}
