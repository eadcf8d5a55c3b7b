namespace Qanat.Gm;

/// <summary>One record for <see cref="Sm4.EncryptCbcLanes"/>: ranges of the buffer given there.</summary>
/// <param name="Cipher">The record's key; records may share one.</param>
/// <param name="InitializationVectorOffset">Where its 16 bytes of initialization vector are. They may stand right before the data, as in a TLS record.</param>
/// <param name="Offset">Where its data starts.</param>
/// <param name="Length">Bytes of data, a multiple of 16.</param>
public readonly record struct Sm4CbcLane(Sm4 Cipher, int InitializationVectorOffset, int Offset, int Length);
