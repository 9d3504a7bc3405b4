import { Button } from '@mantine/core';
import { endpoints, type Image } from '@strata/contract';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';
import { useTellBegun, waitForMade } from '../operations/use-tell-begun.ts';
import classes from './many-images-bar.module.css';
import { MoveImagesDialog } from './move-images-dialog.tsx';

interface ManyImagesBarProps {
  images: readonly Pick<Image, 'id' | 'path'>[];
  selected: ReadonlySet<string>;
  onClear: () => void;
}

/** What can be done with several images at once. */
export function ManyImagesBar({ images, selected, onClear }: ManyImagesBarProps) {
  const { many } = words;
  const [moving, setMoving] = useState(false);
  const tell = useTellBegun();
  // What is gone meanwhile is no longer meant.
  const chosen = images.filter(({ id }) => selected.has(id));
  const check = useMutation({
    mutationFn: () =>
      call(endpoints.checkImages, {
        body: chosen.length === 0 ? { all: true } : { images: chosen.map(({ id }) => id) },
        query: waitForMade,
      }),
    onSuccess: tell,
    onError: notifyError,
  });
  return (
    <section className={classes.bar} aria-label={many.label}>
      {chosen.length === 0 ? null : <strong>{many.selected(chosen.length)}</strong>}
      <Button
        size="compact-sm"
        variant="default"
        title={many.checkText}
        loading={check.isPending}
        onClick={() => check.mutate()}
      >
        {chosen.length === 0 ? many.checkAll : many.check}
      </Button>
      {chosen.length === 0 ? null : (
        <>
          <Button size="compact-sm" variant="default" onClick={() => setMoving(true)}>
            {many.move}
          </Button>
          <Button size="compact-sm" variant="subtle" onClick={onClear}>
            {many.clear}
          </Button>
        </>
      )}
      {moving ? <MoveImagesDialog images={chosen} onClose={() => setMoving(false)} /> : null}
    </section>
  );
}
