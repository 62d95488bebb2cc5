-- Records a group of units. `write/mod.rs` describes the words and the answers.
return {}
