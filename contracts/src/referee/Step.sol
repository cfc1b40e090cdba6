// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInbox} from "@tallystick/interfaces/IInbox.sol";
import {IStep} from "@tallystick/interfaces/IStep.sol";
import {Witness, WitnessLib} from "@tallystick/libraries/proof/Witness.sol";

/// @title What all steps share: the witness is taken in before and settled behind
abstract contract Step is IStep {
    /// @inheritdoc IStep
    function run(bytes calldata witness, IInbox inbox) external view returns (bytes32) {
        Witness memory w = WitnessLib.parse(witness);
        _step(w, inbox);
        return w.finish();
    }

    /// @dev READ, CHECK, APPLY and WRITE, in the order of the Python twin.
    function _step(Witness memory w, IInbox inbox) internal view virtual;
}
