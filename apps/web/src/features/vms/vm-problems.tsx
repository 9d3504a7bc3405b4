import { Alert } from '@mantine/core';
import type { Image, Vm } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { imagesQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { When } from '../../ui/when.tsx';
import { breakOf } from '../library/broken-chain.ts';
import { runFailure } from './run-failure.ts';
import { isShutdownTimeout } from './shutdown-notice.tsx';
import { isBrokenDisk } from './vm-can.ts';
import classes from './vm-problems.module.css';

const icon = <IconAlertTriangle size={18} aria-hidden />;

/** What is wrong with the VM, and how its last run failed. */
export function VmProblems({ vm }: { vm: Vm }) {
  return (
    <>
      {vm.problems
        .filter((problem) => !isShutdownTimeout(problem))
        .map((problem) => (
          <Alert key={problem.code + problem.message} variant="light" color="amber" icon={icon}>
            {problem.message} {problem.repair} {isBrokenDisk(problem) ? <MissingImage vm={vm} /> : null}
          </Alert>
        ))}
      <LastRun vm={vm} />
    </>
  );
}

/** To the library's word on the image that is gone. */
function MissingImage({ vm }: { vm: Vm }) {
  const images = useQuery(imagesQuery()).data?.items ?? [];
  const byId = new Map(images.map((image) => [image.id, image]));
  const disks = vm.disks.map(({ imageId }) => byId.get(imageId)).filter((image): image is Image => !!image);
  const found = disks.map((image) => breakOf(image, byId)).find((each) => each !== null);
  return (
    <Link to="/library" search={found ? { image: found.imageId } : {}}>
      {words.vms.missingImage}
    </Link>
  );
}

function LastRun({ vm }: { vm: Vm }) {
  const last = runFailure(vm);
  if (last === null) return null;
  const { kind, failure } = last;
  return (
    <Alert
      variant="light"
      color={kind === 'refused' ? 'amber' : 'red'}
      icon={icon}
      title={words.vms.lastFailure[kind]}
    >
      <p>
        {failure.message} · <When at={failure.at} />
      </p>
      {failure.stderr ? (
        <details>
          <summary>{words.errors.stderr}</summary>
          <pre className={classes.stderr}>{failure.stderr}</pre>
        </details>
      ) : null}
    </Alert>
  );
}
