// The one entry: each module starts its behaviour on the whole document and needs no markup to be there.
import "./answers.js";
import "./composer.js";
import "./confirm.js";
import "./connection.js";
import "./copy.js";
import "./dialogs.js";
import "./inserts.js";
import "./keys.js";
import "./list.js";
import "./live.js";
import "./menus.js";
import "./moved.js";
import "./submits.js";
import "./thread.js";
import "./toasts.js";
