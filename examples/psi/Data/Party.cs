namespace Psi.Data;

/// <summary>Which of the two parties a data set belongs to.</summary>
internal enum Party
{
    /// <summary>The first party.</summary>
    A,
    /// <summary>The second party.</summary>
    B,
}
