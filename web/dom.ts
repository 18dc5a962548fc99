// SPDX-License-Identifier: Apache-2.0
// Elements in one expression, and lookups that say what is missing.

type Child = Node | string | null | undefined | false;
type Values = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

/** h('button', { class: 'plain', onclick: f }, 'Cancel'). Functions become listeners, false and null are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, values: Values = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(values)) {
        if (typeof value === 'function')
            element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...children.filter(child => child !== null && child !== undefined && child !== false) as (Node | string)[]);
    return element;
}

/** The element of index.html with this id. */
export function at<T extends HTMLElement = HTMLElement>(id: string): T {
    const element = document.getElementById(id);
    if (!element)
        throw new Error(`index.html has no #${id}`);
    return element as T;
}

const svgNamespace = 'http://www.w3.org/2000/svg';

/** A 24 x 24 line drawing by its path. */
export function icon(path: string): SVGSVGElement {
    const svg = document.createElementNS(svgNamespace, 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    const shape = document.createElementNS(svgNamespace, 'path');
    shape.setAttribute('d', path);
    svg.append(shape);
    return svg;
}

let spoken = 0;

/** Says it to screen readers, politely. */
export function say(text: string): void {
    const region = at('said');
    region.textContent = '';
    clearTimeout(spoken);
    spoken = window.setTimeout(() => { region.textContent = text; }, 50);
}
