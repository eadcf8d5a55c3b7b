namespace Psi.Protocol;

/// <summary>How a table of ids is cut into requests of a fixed number of ids.</summary>
internal readonly record struct Batches(int Items, int Size)
{
    /// <summary>Most ids in one request.</summary>
    internal const int MaxSize = 8192;

    internal int Count => (Items + Size - 1) / Size;

    internal int Start(int batch) => batch * Size;

    internal int Length(int batch) => Math.Min(Size, Items - Start(batch));
}
