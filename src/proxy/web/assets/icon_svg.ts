/**
 * The product's mark: a prompt in a rounded square.
 * @module
 */

/** SVG source. */
export const iconSvg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#3b4fd8"/>
<path d="M9 10.5l6 5.5-6 5.5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
<path d="M17.5 22h6" fill="none" stroke="#a9b6ff" stroke-width="3" stroke-linecap="round"/>
</svg>
`;
