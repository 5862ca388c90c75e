// Owns the making of SVG elements; what is written in them is text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export function node(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
