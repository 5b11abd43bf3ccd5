//! Names, anchors, kinds, specs, the tree of intents, topology and the bundle codec. Pure.
