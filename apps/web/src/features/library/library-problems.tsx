import { Button, UnstyledButton } from '@mantine/core';
import type { Image } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { hasProblem, isRepairable, problemsOf } from './image-list.ts';
import classes from './library-page.module.css';
import { RepairDialog } from './repair-dialog.tsx';

const few = 5;

interface LibraryProblemsProps {
  images: readonly Image[];
  nameOf: (id: string) => string;
  onOpen: (id: string) => void;
}

/** What is wrong, at the top, with what helps as a button. */
export function LibraryProblems(props: LibraryProblemsProps) {
  const [repairing, setRepairing] = useState<string | null>(null);
  const image = props.images.find(({ id }) => id === repairing);
  return (
    <>
      <ProblemList {...props} onRepair={setRepairing} />
      <LeftAlone {...props} onRepair={setRepairing} />
      {image === undefined ? null : (
        <RepairDialog image={image} name={props.nameOf(image.id)} onClose={() => setRepairing(null)} />
      )}
    </>
  );
}

type ListProps = LibraryProblemsProps & { onRepair: (id: string) => void };

function ProblemList({ images, nameOf, onOpen, onRepair }: ListProps) {
  const [all, setAll] = useState(false);
  const broken = images.filter(hasProblem);
  if (broken.length === 0) return null;
  const shown = all ? broken : broken.slice(0, few);
  const { problems } = words.library;
  return (
    <section className={classes.problems}>
      <h2>
        <IconAlertTriangle size={17} aria-hidden /> {problems.title(broken.length)}
      </h2>
      <ul>
        {shown.map((image) => (
          <li key={image.id}>
            <ProblemLine image={image} name={nameOf(image.id)} onOpen={onOpen} />
            {isRepairable(image) ? (
              <RepairButton name={nameOf(image.id)} onClick={() => onRepair(image.id)} />
            ) : null}
          </li>
        ))}
      </ul>
      {broken.length > shown.length ? (
        <Button size="compact-sm" variant="subtle" color="red" onClick={() => setAll(true)}>
          {problems.more(broken.length - shown.length)}
        </Button>
      ) : null}
    </section>
  );
}

function ProblemLine({ image, name, onOpen }: { image: Image; name: string; onOpen: (id: string) => void }) {
  const { problems, gone } = words.library;
  // Where there is a button, what it does is told there.
  const told = !isRepairable(image);
  return (
    <>
      <UnstyledButton className={classes.problemName} onClick={() => onOpen(image.id)}>
        {name}
      </UnstyledButton>
      {problemsOf(image).length === 0 ? `: ${gone}` : null}
      {problemsOf(image).map((problem) => (
        <span key={problem.code}>
          : {problem.message}
          {problem.repair && told ? (
            <span className={classes.repair}>
              {' '}
              {problems.repair} {problem.repair}
            </span>
          ) : null}
        </span>
      ))}
    </>
  );
}

const RepairButton = ({ name, onClick }: { name: string; onClick: () => void }) => (
  <Button
    className={classes.repairButton ?? ''}
    size="compact-xs"
    variant="default"
    aria-label={words.repair.of(name)}
    onClick={onClick}
  >
    {words.repair.button}
  </Button>
);

/** Known to be lost, and no problem because somebody has said so: one line, with the way back. */
function LeftAlone({ images, nameOf, onOpen, onRepair }: ListProps) {
  const [shown, setShown] = useState(false);
  const alone = images.filter(({ leftAlone, present }) => leftAlone && present);
  if (alone.length === 0) return null;
  return (
    <div className={classes.leftAlone}>
      {words.repair.leftAlone(alone.length)}{' '}
      <Button size="compact-xs" variant="subtle" aria-expanded={shown} onClick={() => setShown(!shown)}>
        {shown ? words.repair.hideLeftAlone : words.repair.showLeftAlone}
      </Button>
      {shown ? (
        <ul>
          {alone.map((image) => (
            <li key={image.id}>
              <UnstyledButton className={classes.problemName} onClick={() => onOpen(image.id)}>
                {nameOf(image.id)}
              </UnstyledButton>
              <RepairButton name={nameOf(image.id)} onClick={() => onRepair(image.id)} />
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
