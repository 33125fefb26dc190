// Small things done to the document. Whatever strangers wrote comes in as text, never as markup.

// Changes nothing where nothing changed: a write, even of the same text, costs a layout.
export function setText(element, text) {
  const node = element.firstChild;
  if (node === null) {
    if (text !== '') element.append(text);
  } else if (node.data !== text) {
    node.data = text;
  }
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

// The first element of a template in index.html, as a copy.
export function fromTemplate(id) {
  return document.importNode(document.getElementById(id).content.firstElementChild, true);
}

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
