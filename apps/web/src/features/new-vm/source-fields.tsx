import { Radio, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { imagesQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { LinkButton } from '../../ui/link-button.tsx';
import { ImageSelect, isDisk, isMedium } from '../vm-form/image-select.tsx';
import { KernelFields } from '../vm-form/kernel-fields.tsx';
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
        {form.source === 'kernel' ? (
          <KernelFields value={form.kernel} onChange={(kernel) => change({ kernel })} error={fieldError} />
        ) : null}
        <EmptyLibraryHint source={form.source} />
      </div>
    </>
  );
}

function FromImage({ form, change, fieldError }: FormPartProps) {
  const text = words.newVm;
  return (
    <>
      <ImageSelect
        label={text.image}
        value={form.imageId}
        accept={isDisk}
        error={fieldError('disks.0')}
        onChange={(imageId) => change({ imageId })}
      />
      <Radio.Group
        label={text.useAs}
        value={form.useAs}
        onChange={(useAs) => change({ useAs: useAs as NewVmForm['useAs'] })}
      >
        <Stack gap={6} mt={4}>
          <Radio value="overlay" label={text.overlay} />
          <Radio value="itself" label={text.itself} description={text.itselfHint} />
        </Stack>
      </Radio.Group>
    </>
  );
}

function EmptyLibraryHint({ source }: { source: Source }) {
  const images = useQuery(imagesQuery()).data;
  if ((source !== 'image' && source !== 'iso') || !images || images.total > 0) return null;
  return (
    <p className={classes.hint}>
      {words.newVm.noImages}{' '}
      <LinkButton to="/library" size="compact-sm" variant="subtle">
        {words.newVm.toLibrary}
      </LinkButton>
    </p>
  );
}
