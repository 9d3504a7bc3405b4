import { Alert, SegmentedControl, Text } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { PathField } from '../../ui/path-field.tsx';
import { FilesField } from './files-field.tsx';
import type { FilesSource } from './use-files-source.ts';

/** Where the files of the new image come from. */
export function FilesSourceFields({ source, error }: { source: FilesSource; error: string | undefined }) {
  const text = words.make;
  if (source.sent !== null)
    return <Text size="sm">{text.sentBefore(source.sent.filename, source.sent.size)}</Text>;
  return (
    <>
      <SegmentedControl
        aria-label={text.places.label}
        value={source.place}
        onChange={(place) => source.setPlace(place === 'host' ? 'host' : 'page')}
        data={[
          { value: 'page', label: text.places.page },
          { value: 'host', label: text.places.host },
        ]}
      />
      {source.place === 'host' ? (
        <PathField
          label={text.source}
          kind="folder"
          required
          placeholder="/home/me/files"
          value={source.path}
          onChange={source.setPath}
          error={error}
        />
      ) : (
        <FilesField source={source} />
      )}
      {source.problem === null ? null : (
        <Alert color="red" variant="light" role="alert">
          {source.problem}
        </Alert>
      )}
    </>
  );
}
