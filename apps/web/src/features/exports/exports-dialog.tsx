import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { exportsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { DownloadList } from './download-list.tsx';
import { ExportCard } from './export-card.tsx';

/** What other programs read of the library at this moment. */
export function ExportsDialog({ onClose }: { onClose: () => void }) {
  const exports = useQuery(exportsQuery());
  const items = exports.data?.items ?? [];
  return (
    <Dialog onClose={onClose} title={words.exports.title} size="46rem">
      <Stack gap="md">
        <ErrorNotice error={exports.error} />
        {exports.isPending ? <RowSkeletons count={2} /> : null}
        {exports.data ? (
          <Text size="sm" c="dimmed">
            {items.length === 0 ? words.exports.none : words.exports.text}
          </Text>
        ) : null}
        {items.map((one) => (
          <ExportCard key={one.id} one={one} open={items.length === 1} />
        ))}
        <DownloadList />
      </Stack>
    </Dialog>
  );
}
