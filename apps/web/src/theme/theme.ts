import {
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';
import { words } from '../lib/words.ts';

/** Names the colour for Mantine; what is painted comes from tokens.css. */
const amber: MantineColorsTuple = [
  '#fdf4e6',
  '#f7e5c9',
  '#f0cf9b',
  '#ebbd78',
  '#e5ad62',
  '#e0a458',
  '#c98a4b',
  '#a5611a',
  '#8f5212',
  '#6f3f0d',
];

/** Text on a filled amber surface must be dark in the dark scheme and white in the light one. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const resolved = defaultVariantColorsResolver(input);
  const isAccent = (input.color ?? input.theme.primaryColor) === 'amber';
  return input.variant === 'filled' && isAccent
    ? { ...resolved, color: 'var(--strata-on-accent)' }
    : resolved;
};

// The page itself never scrolls (its panels do), and the scroll lock would need a <style> element.
const noScrollLock = { defaultProps: { lockScroll: false } };
const closeButtonProps = { 'aria-label': words.common.close };
const dialog = {
  defaultProps: {
    lockScroll: false,
    centered: true,
    radius: 'md',
    overlayProps: { backgroundOpacity: 0.55 },
    closeButtonProps,
  },
};

export const theme = createTheme({
  colors: { amber },
  primaryColor: 'amber',
  variantColorResolver,
  defaultRadius: 'md',
  fontFamily: 'var(--strata-font)',
  fontFamilyMonospace: 'var(--strata-mono)',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Modal: dialog,
    ModalRoot: noScrollLock,
    Drawer: { defaultProps: { lockScroll: false, closeButtonProps } },
    Spotlight: noScrollLock,
    SpotlightRoot: noScrollLock,
    Button: { defaultProps: { size: 'sm' } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, multiline: true, maw: 340 } },
    Menu: { defaultProps: { shadow: 'md', position: 'bottom-end' } },
    // A hint below its field leaves fields beside each other in line, however long it is.
    InputWrapper: { defaultProps: { inputWrapperOrder: ['label', 'input', 'description', 'error'] } },
    TextInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', allowDeselect: false, checkIconPosition: 'right' } },
    NumberInput: { defaultProps: { size: 'sm' } },
  },
});
