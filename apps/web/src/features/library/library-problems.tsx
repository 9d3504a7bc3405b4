import { Button, UnstyledButton } from '@mantine/core';
import type { Image } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { hasProblem, problemsOf } from './image-list.ts';
import classes from './library-page.module.css';

const few = 5;

/** What is wrong, at the top, with what helps. */
export function LibraryProblems({
  images,
  nameOf,
  onOpen,
}: {
  images: readonly Image[];
  nameOf: (id: string) => string;
  onOpen: (id: string) => void;
}) {
  const [all, setAll] = useState(false);
  const broken = images.filter(hasProblem);
  if (broken.length === 0) return null;
  const shown = all ? broken : broken.slice(0, few);
  const { problems, gone } = words.library;
  return (
    <section className={classes.problems}>
      <h2>
        <IconAlertTriangle size={17} aria-hidden /> {problems.title(broken.length)}
      </h2>
      <ul>
        {shown.map((image) => (
          <li key={image.id}>
            <UnstyledButton className={classes.problemName} onClick={() => onOpen(image.id)}>
              {nameOf(image.id)}
            </UnstyledButton>
            {problemsOf(image).length === 0 ? `: ${gone}` : null}
            {problemsOf(image).map((problem) => (
              <span key={problem.code}>
                : {problem.message}
                {problem.repair ? (
                  <span className={classes.repair}>
                    {' '}
                    {problems.repair} {problem.repair}
                  </span>
                ) : null}
              </span>
            ))}
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
