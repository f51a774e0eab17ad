export const keyboard = {
  title: "Keys",
  search: "Search",
  run: "Run the operation that is set up",
  back: "Close a dialog, or go back",
  move: "Move a file among the others, or the picture in the viewer",
  zoom: "Zoom in the viewer: in, out, fit, full size",
  list: "This list",
};
