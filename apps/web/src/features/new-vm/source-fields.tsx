import { Button, Radio, Stack } from '@mantine/core';
import type { Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { imagesQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { RegisterImageDialog } from '../library/register-image-dialog.tsx';
import { ImageSelect, isDisk, isMedium } from '../vm-form/image-select.tsx';
import { KernelFields } from '../vm-form/kernel-fields.tsx';
import { NbdFields } from '../vm-form/nbd-fields.tsx';
import type { NewVmForm, Source } from './new-vm-form.ts';
import classes from './new-vm-page.module.css';
import { RadioCards } from './radio-cards.tsx';

export interface FormPartProps {
  form: NewVmForm;
  change: (part: Partial<NewVmForm>) => void;
  fieldError: (path: string) => string | undefined;
}

export function SourceFields({ form, change, fieldError }: FormPartProps) {
  const text = words.newVm;
  return (
    <>
      <RadioCards
        label={text.source}
        value={form.source}
        choices={text.sources}
        onChange={(source: Source) => change({ source })}
      />
      <div className={classes.more}>
        {form.source === 'image' ? <FromImage form={form} change={change} fieldError={fieldError} /> : null}
        {form.source === 'iso' ? (
          <ImageSelect
            label={text.iso}
            value={form.isoId}
            accept={isMedium}
            error={fieldError('media.0')}
            onChange={(isoId) => change({ isoId })}
          />
        ) : null}
        {form.source === 'nbd' ? (
          <>
            <p className={classes.hint}>{text.nbdHint}</p>
            <NbdFields
              title={text.nbd}
              disk={form.nbd}
              error={(field) => fieldError(`nbdDisks.0.${field}`)}
              onChange={(nbd) => change({ nbd })}
            />
          </>
        ) : null}
        {form.source === 'kernel' ? (
          <KernelFields value={form.kernel} onChange={(kernel) => change({ kernel })} error={fieldError} />
        ) : null}
        {form.source === 'image' ? (
          <RegisterImage accept={isDisk} onRegistered={(imageId) => change({ imageId })} />
        ) : null}
        {form.source === 'iso' ? (
          <RegisterImage accept={isMedium} onRegistered={(isoId) => change({ isoId })} />
        ) : null}
      </div>
    </>
  );
}

/** QEMU writes qcow2 and raw only: what came from another program is booted through an overlay. */
const isForeign = (image: Image | undefined): boolean =>
  image !== undefined && !['qcow2', 'raw'].includes(image.format);

function FromImage({ form, change, fieldError }: FormPartProps) {
  const text = words.newVm;
  const items = useQuery(imagesQuery()).data?.items ?? [];
  const find = (id: string | null) => items.find((image) => image.id === id);
  const chosen = find(form.imageId);
  const choose = (imageId: string | null) =>
    change({ imageId, ...(isForeign(find(imageId)) ? { useAs: 'overlay' } : {}) });
  return (
    <>
      <ImageSelect
        label={text.image}
        value={form.imageId}
        accept={isDisk}
        error={fieldError('disks.0')}
        onChange={choose}
      />
      <Radio.Group
        label={text.useAs}
        value={form.useAs}
        onChange={(useAs) => change({ useAs: useAs as NewVmForm['useAs'] })}
      >
        <Stack gap={6} mt={4}>
          <Radio value="overlay" label={text.overlay} />
          <Radio
            value="itself"
            label={text.itself}
            disabled={isForeign(chosen)}
            description={isForeign(chosen) ? text.itselfForeign(chosen?.format ?? '') : text.itselfHint}
          />
        </Stack>
      </Radio.Group>
    </>
  );
}

interface RegisterImageProps {
  /** Which images can be meant: another one is registered all the same, but not chosen. */
  accept: (image: Image) => boolean;
  onRegistered: (imageId: string) => void;
}

/** For a file that the library does not know yet: it is chosen as soon as it does. */
function RegisterImage({ accept, onRegistered }: RegisterImageProps) {
  const [opened, setOpened] = useState(false);
  const items = useQuery(imagesQuery()).data?.items;
  const none = items !== undefined && !items.some((image) => image.present && accept(image));
  const text = words.newVm;
  return (
    <p className={classes.hint}>
      {none ? `${text.noImages} ` : null}
      <Button size="compact-sm" variant={none ? 'light' : 'subtle'} onClick={() => setOpened(true)}>
        {text.register}
      </Button>
      {opened ? (
        <RegisterImageDialog
          onClose={() => setOpened(false)}
          onRegistered={(image) => {
            if (accept(image)) onRegistered(image.id);
          }}
        />
      ) : null}
    </p>
  );
}
