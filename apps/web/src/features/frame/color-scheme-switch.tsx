import { SegmentedControl, useMantineColorScheme, VisuallyHidden } from '@mantine/core';
import { IconDeviceLaptop, IconMoon, IconSun } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';

const icons = { auto: IconDeviceLaptop, light: IconSun, dark: IconMoon };

export function ColorSchemeSwitch() {
  // Without `keepTransitions` Mantine would add a <style> element, which the policy refuses.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const text = words.frame.colorScheme;
  return (
    <SegmentedControl
      size="xs"
      fullWidth
      aria-label={text.label}
      value={colorScheme}
      onChange={(value) => setColorScheme(value as keyof typeof icons)}
      data={(['auto', 'light', 'dark'] as const).map((value) => {
        const Icon = icons[value];
        return {
          value,
          label: (
            <span title={text[value]}>
              <Icon size={15} aria-hidden style={{ display: 'block', margin: '2px auto' }} />
              <VisuallyHidden>{text[value]}</VisuallyHidden>
            </span>
          ),
        };
      })}
    />
  );
}
