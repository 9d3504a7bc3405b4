import { Button, type ButtonProps } from '@mantine/core';
import type { Image } from '@strata/contract';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { MoveImageDialog } from './move-image-dialog.tsx';

/** “Move…”, wherever an image stands. */
export function MoveImageButton({ image, ...props }: { image: Image } & ButtonProps) {
  const [moving, setMoving] = useState(false);
  return (
    <>
      <Button variant="default" {...props} onClick={() => setMoving(true)}>
        {words.copies.move.open}
      </Button>
      {moving ? <MoveImageDialog image={image} onClose={() => setMoving(false)} /> : null}
    </>
  );
}
