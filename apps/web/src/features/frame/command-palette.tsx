import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import {
  IconDatabase,
  IconMoon,
  IconPlayerPlay,
  IconPower,
  IconSearch,
  IconTerminal2,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { imagesQuery, vmsQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { StateDot } from '../../ui/state-dot.tsx';
import { useCreateDemo } from '../vms/first-steps.tsx';
import { useAnyVmAction } from '../vms/use-vm-action.ts';
import { type VmVerb, verbLabel, vmRefusal } from '../vms/vm-can.ts';
import classes from './command-palette.module.css';

/** Ctrl-K: every VM, image and action by name. */
export function CommandPalette() {
  const groups = useCommandGroups();
  return (
    <Spotlight
      actions={groups}
      limit={14}
      highlightQuery
      classNames={{ action: classes.action ?? '' }}
      scrollable
      maxHeight="60vh"
      shortcut={['mod + K', '/']}
      nothingFound={words.frame.searchNothing}
      searchProps={{
        leftSection: <IconSearch size={17} aria-hidden />,
        placeholder: words.frame.searchPlaceholder,
        'aria-label': words.frame.search,
      }}
    />
  );
}

const offered: { verb: VmVerb; icon: typeof IconPower }[] = [
  { verb: 'start', icon: IconPlayerPlay },
  { verb: 'resume', icon: IconPlayerPlay },
  { verb: 'shutdown', icon: IconPower },
  { verb: 'suspend', icon: IconMoon },
];

function useCommandGroups(): SpotlightActionGroupData[] {
  const vms = useQuery(vmsQuery()).data?.items;
  const images = useQuery(imagesQuery()).data?.items;
  const nameOf = useImageNames();
  const navigate = useNavigate();
  const { mutate: act } = useAnyVmAction();
  const { mutate: createDemo } = useCreateDemo();
  return useMemo(() => {
    const { palette, vms: vmsWord, library, space, operations, host, newVm } = words.frame;
    const go = (to: '/vms' | '/vms/new' | '/library' | '/space' | '/operations' | '/host') => () =>
      void navigate({ to });
    const vmActions = (vms ?? []).flatMap((vm) => {
      const params = { vmId: vm.id };
      return [
        {
          id: `vm ${vm.id}`,
          label: vm.name,
          description: words.vms.states[vm.state],
          leftSection: <StateDot state={vm.state} decorative />,
          onClick: () => void navigate({ to: '/vms/$vmId', params }),
        },
      ];
    });
    const verbs = (vms ?? []).flatMap((vm) => [
      ...offered
        .filter(({ verb }) => vmRefusal(verb, vm) === null)
        .map(({ verb, icon: Icon }) => ({
          id: `${verb} ${vm.id}`,
          label: `${verbLabel(verb, vm)} ${vm.name}`,
          leftSection: <Icon size={16} aria-hidden />,
          onClick: () => act({ id: vm.id, verb }),
        })),
      {
        id: `console ${vm.id}`,
        label: `${words.vms.actions.console}: ${vm.name}`,
        leftSection: <IconTerminal2 size={16} aria-hidden />,
        onClick: () => void navigate({ to: '/vms/$vmId/console', params: { vmId: vm.id } }),
      },
    ]);
    const imageActions = (images ?? []).map((image) => ({
      id: `image ${image.id}`,
      label: nameOf(image),
      description: `${image.format} · ${formatBytes(image.virtualSize)}`,
      keywords: `${image.name} ${image.path}`,
      leftSection: <IconDatabase size={16} aria-hidden />,
      onClick: () => void navigate({ to: '/library/$imageId', params: { imageId: image.id } }),
    }));
    return [
      { group: vmsWord, actions: vmActions },
      {
        group: palette.go,
        actions: [
          { id: 'go vms', label: vmsWord, onClick: go('/vms') },
          { id: 'go new', label: newVm, onClick: go('/vms/new') },
          { id: 'go library', label: library, onClick: go('/library') },
          { id: 'go space', label: space, onClick: go('/space') },
          { id: 'go operations', label: operations, onClick: go('/operations') },
          { id: 'go host', label: host, onClick: go('/host') },
          { id: 'demo', label: words.vms.empty.demo, onClick: () => createDemo() },
        ],
      },
      { group: palette.actions, actions: verbs },
      { group: palette.images, actions: imageActions },
    ];
  }, [vms, images, nameOf, navigate, act, createDemo]);
}
